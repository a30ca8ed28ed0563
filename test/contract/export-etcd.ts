export async function exportEtcd(_metaUrl: string, _database: string): Promise<void> {
  throw new Error('not yet');
}
