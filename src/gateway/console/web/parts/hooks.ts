// Small state machines that the pages share.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { messageOf } from '../api/request.ts';

export interface Loaded<T> {
  readonly value: T | undefined;
  readonly error: string | undefined;
  readonly isLoading: boolean;
  readonly reload: () => void;
}

/** Loads something when the page opens, when `keys` change, and on request. */
export function useLoaded<T>(load: () => Promise<T>, keys: readonly unknown[]): Loaded<T> {
  const [state, setState] = useState<{ value?: T; error?: string; isLoading: boolean }>({ isLoading: true });
  const [round, setRound] = useState(0);
  useEffect(() => {
    let isCurrent = true;
    setState((before) => ({ ...before, isLoading: true }));
    load().then(
      (value) => isCurrent && setState({ value, isLoading: false }),
      (error: unknown) => isCurrent && setState({ error: messageOf(error), isLoading: false }),
    );
    return () => {
      isCurrent = false;
    };
  }, [...keys, round]);
  const reload = useCallback(() => setRound((before) => before + 1), []);
  return { value: state.value, error: state.error, isLoading: state.isLoading, reload };
}

export interface Running {
  readonly isRunning: boolean;
  readonly error: string | undefined;
  /** Runs one thing at a time; answers whether it went well. */
  readonly run: (work: () => Promise<unknown>) => Promise<boolean>;
  readonly clear: () => void;
}

/** Something that a button starts. */
export function useRunning(): Running {
  const [isRunning, setRunning] = useState(false);
  const [error, setError] = useState<string>();
  const busy = useRef(false);
  const run = useCallback(async (work: () => Promise<unknown>): Promise<boolean> => {
    if (busy.current) return false;
    busy.current = true;
    setRunning(true);
    setError(undefined);
    try {
      await work();
      return true;
    } catch (thrown) {
      setError(messageOf(thrown));
      return false;
    } finally {
      busy.current = false;
      setRunning(false);
    }
  }, []);
  const clear = useCallback(() => setError(undefined), []);
  return { isRunning, error, run, clear };
}
