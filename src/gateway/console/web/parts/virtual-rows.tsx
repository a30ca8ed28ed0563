// A long list of which only the rows in sight are in the page.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

export interface VirtualRowsProps {
  readonly count: number;
  readonly rowHeight: number; // pixels
  readonly label: string;
  readonly render: (index: number) => ComponentChildren;
  /** Called when the end comes into sight. */
  readonly onEnd?: () => void;
}

/** Rows rendered beyond what is in sight, on both sides. */
const MARGIN = 12;

export function VirtualRows({ count, rowHeight, label, render, onEnd }: VirtualRowsProps) {
  const frame = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(800);
  useEffect(() => {
    const element = frame.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const first = Math.max(0, Math.floor(top / rowHeight) - MARGIN);
  const last = Math.min(count, Math.ceil((top + height) / rowHeight) + MARGIN);
  useEffect(() => {
    if (last >= count) onEnd?.();
  }, [last, count, onEnd]);
  const rows: ComponentChildren[] = [];
  for (let index = first; index < last; index++) rows.push(render(index));
  return (
    <div
      ref={frame}
      class="rows"
      role="rowgroup"
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
      tabIndex={0}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
    >
      <div class="rows-all" style={{ height: `${count * rowHeight}px` }}>
        <div class="rows-seen" style={{ transform: `translateY(${first * rowHeight}px)` }}>
          {rows}
        </div>
      </div>
    </div>
  );
}
