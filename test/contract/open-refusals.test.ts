// The suite of open-refusals-suite.ts on every engine.
import { describe } from 'vitest';
import { ETCD_ENGINE, MARIADB_ENGINE, POSTGRES_ENGINE, REDIS_ENGINE, SQLITE_ENGINE } from './meta-engines.ts';
import { openRefusalsSuite } from './open-refusals-suite.ts';

for (const kind of [SQLITE_ENGINE, REDIS_ENGINE, MARIADB_ENGINE, POSTGRES_ENGINE, ETCD_ENGINE]) {
  describe.skipIf(!kind.available())(`a volume on ${kind.name}`, () => openRefusalsSuite(kind));
}
