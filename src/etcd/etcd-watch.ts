// A watch that lasts: begun anew behind the last change that was seen, whenever its stream breaks.
import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import { Event_EventType } from '../../proto/gen/third_party/etcd/kv.ts';
import type { WatchRequest, WatchResponse } from '../../proto/gen/third_party/etcd/rpc.ts';
import type { EtcdEntry, EtcdRange } from './etcd-client.ts';

/** First and longest pause before the next try. */
const RETRY_FIRST_MS = 50;
const RETRY_MOST_MS = 2_000;

/** A change: the entry as it is now, or only its key when it was removed. */
export type EtcdChange =
  | { readonly type: 'put'; readonly entry: EtcdEntry }
  | { readonly type: 'remove'; readonly key: Buffer; readonly modRevision: bigint };

export interface WatchEvents {
  /** Changes of one revision or several, in order. */
  onChanges(changes: readonly EtcdChange[], revision: bigint): void;
  /** Changes may have been missed, since the history was compacted: whoever follows the keys reads them anew. It goes on from there. */
  onMissed(): void;
  /** The stream broke, or could not be begun; another try follows. */
  onInterrupted?(error: unknown): void;
}

interface InternalEvents extends WatchEvents {
  onRefused(error: ServiceError): void;
}

type WatchStream = ClientDuplexStream<WatchRequest, WatchResponse>;

/**
 * @param open begins a stream; `turn` counts the tries that failed in a row
 * @param fromRevision 0 = from now on
 */
export function watchRange(
  open: (turn: number) => Promise<WatchStream>,
  { start, end }: EtcdRange,
  fromRevision: bigint,
  events: InternalEvents,
): { stop(): void } {
  let next = fromRevision;
  let turn = 0;
  let stopped = false;
  let missed = false;
  let stream: WatchStream | undefined;
  let timer: NodeJS.Timeout | undefined;

  const again = (error: unknown): void => {
    if (stopped) return;
    events.onInterrupted?.(error);
    const pause = Math.min(RETRY_FIRST_MS * 2 ** turn, RETRY_MOST_MS);
    turn += 1;
    timer = setTimeout(begin, pause * (0.5 + Math.random() / 2));
    timer.unref();
  };

  const begin = async (): Promise<void> => {
    let opened: WatchStream;
    try {
      opened = await open(turn);
    } catch (error) {
      again(error);
      return;
    }
    if (stopped) {
      opened.cancel();
      return;
    }
    stream = opened;
    let over = false;
    const end_ = (error: unknown): void => {
      if (over) return;
      over = true;
      opened.cancel();
      again(error);
    };
    opened.on('error', (error: ServiceError) => {
      events.onRefused(error);
      end_(error);
    });
    opened.on('end', () => end_(new Error('etcd ended the watch')));
    opened.on('data', (answer: WatchResponse) => {
      if (over || stopped) return;
      if (answer.canceled) {
        if (answer.compactRevision > 0n) {
          next = 0n;
          missed = true;
        }
        end_(new Error(`etcd refused the watch: ${answer.cancelReason}`));
        return;
      }
      turn = 0;
      const revision = answer.header?.revision ?? 0n;
      if (answer.created && next === 0n) next = revision + 1n;
      if (answer.created && missed) {
        // Told now, when nothing further can be missed: a reader that starts now sees all that was.
        missed = false;
        events.onMissed();
      }
      if (answer.events.length > 0) {
        events.onChanges(
          answer.events.flatMap(({ type, kv }): EtcdChange[] => {
            if (kv === undefined) return [];
            const { key, value, modRevision, createRevision, version } = kv;
            return type === Event_EventType.DELETE
              ? [{ type: 'remove', key, modRevision }]
              : [{ type: 'put', entry: { key, value, modRevision, createRevision, version } }];
          }),
          revision,
        );
        for (const { kv } of answer.events) if (kv !== undefined && kv.modRevision >= next) next = kv.modRevision + 1n;
      }
    });
    const create = {
      key: Buffer.from(start),
      rangeEnd: Buffer.from(end ?? []),
      startRevision: next,
      progressNotify: false,
      prevKv: false,
      watchId: 0n,
      fragment: false,
    };
    opened.write({ requestUnion: { $case: 'createRequest', value: create } });
  };

  void begin();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      stream?.cancel();
    },
  };
}
