// What the volume holds, under the names of the JuiceFS client's metrics. All workers see the same volume, so one answers for all.
import { Gauge, type Registry } from 'prom-client';
import type { Volume, VolumeUsage } from '../juicefs/volume.ts';

/** Adds them to a registry. */
export function addVolumeMetrics(registry: Registry, volume: Pick<Volume, 'name' | 'usage'>): void {
  const labels = { vol_name: volume.name, mp: 's3gateway' };
  const gauge = (name: string, help: string, read: () => Promise<number>): void => {
    new Gauge({
      name,
      help,
      labelNames: Object.keys(labels),
      aggregator: 'max',
      registers: [registry],
      async collect() {
        try {
          this.set(labels, await read());
        } catch {
          // the engine does not answer: no figure is better than an old one, and the rest is told all the same
          this.reset();
        }
      },
    });
  };
  const usage = async (part: keyof VolumeUsage): Promise<number> => (await volume.usage())[part];
  gauge('juicefs_used_space', 'Bytes in the volume', () => usage('usedBytes'));
  gauge('juicefs_used_inodes', 'Inodes in the volume', () => usage('usedInodes'));
  gauge('juicefs_uptime', 'Age of the oldest worker, seconds', async () => process.uptime());
}
