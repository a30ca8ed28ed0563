import { describe, expect, it } from 'vitest';
import { backupName, backupsToRemove } from './backup.ts';

const NOW = new Date('2026-11-26T12:00:00Z');
const ago = (days: number): string => backupName(new Date(NOW.getTime() - days * 86_400_000));

describe('backups of the metadata', () => {
  it('are named by their time in UTC', () => {
    expect(backupName(new Date('2026-01-31T23:59:58.900Z'))).toBe('dump-2026-01-31-235958.json.gz');
  });

  it('all stay for two days, then the first of each day, week and month', () => {
    const names = [0, 0.04, 1.9, 2.1, 2.5, 2.9, 3.5, 14.5, 16, 20.9, 21.1, 61, 75, 89, 91, 729, 731, 2000].map(ago);
    const gone = [2.1, 2.5, 14.5, 16, 61, 75, 731, 2000].map(ago).sort();
    expect(backupsToRemove([...names].reverse(), NOW)).toEqual(gone);
  });

  it('leave alone what is named otherwise', () => {
    expect(backupsToRemove(['dump-2001-01-01.json.gz', 'notes.txt', 'dump-2001-13-01-000000.json.gz'], NOW)).toEqual(
      [],
    );
  });

  it('made every hour for years are few', () => {
    let names: string[] = [];
    const start = Date.parse('2024-01-01T00:00:00Z');
    for (let hour = 0; hour < 24 * 900; hour += 6) {
      const now = new Date(start + hour * 3_600_000);
      names.push(backupName(now));
      const gone = new Set(backupsToRemove(names, now));
      names = names.filter((name) => !gone.has(name));
      expect(names.length).toBeLessThan(9 + 13 + 8 + 24);
    }
    expect(names.length).toBeGreaterThan(40);
  });
});
