import { describe, expect, it, vi } from 'vitest';
import { OpenFiles } from './open-files.ts';

describe('an inode that is being opened', () => {
  it('is not taken for open when it was removed since the opening began', () => {
    const files = new OpenFiles();
    const opening = files.begin();
    const deleted = vi.fn();
    files.whenClosed(7n, deleted);
    expect(deleted).toHaveBeenCalledOnce();
    expect(opening.add(7n)).toBe(false);
    expect(files.has(7n)).toBe(false);
    opening.end();
    expect(files.begin().add(7n)).toBe(true);
  });

  it('is kept once it is open', () => {
    const files = new OpenFiles();
    const opening = files.begin();
    expect(opening.add(7n)).toBe(true);
    opening.end();
    const deleted = vi.fn();
    files.whenClosed(7n, deleted);
    expect(deleted).not.toHaveBeenCalled();
    files.remove(7n);
    expect(deleted).toHaveBeenCalledOnce();
  });
});
