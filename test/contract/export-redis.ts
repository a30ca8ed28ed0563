export async function exportRedis(_metaUrl: string, _database: string): Promise<void> {
  throw new Error('not yet');
}
