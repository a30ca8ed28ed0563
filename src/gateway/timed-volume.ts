// The same volume, its calls timed: those that answer once. Streams (listings, reads) last as long as their readers want.
import type { Volume } from '../juicefs/volume.ts';

/** @param observe told of every call that is over */
export function timedVolume(volume: Volume, observe: (method: string, seconds: number) => void): Volume {
  const timed = new Map<string | symbol, unknown>();
  const wrap = (name: string | symbol, method: (...args: unknown[]) => unknown): unknown => {
    const known = timed.get(name);
    if (known !== undefined) return known;
    const call = (...args: unknown[]): unknown => {
      const started = performance.now();
      const answer = method.apply(volume, args);
      if (answer instanceof Promise) {
        const done = (): void => observe(String(name), (performance.now() - started) / 1000);
        answer.then(done, done);
      }
      return answer;
    };
    timed.set(name, call);
    return call;
  };
  return new Proxy(volume, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? wrap(name, value as (...args: unknown[]) => unknown) : value;
    },
  });
}
