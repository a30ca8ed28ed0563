// What every metadata engine must do, on PostgreSQL.
import { describe } from 'vitest';
import { crashPointsSuite } from './crash-points-suite.ts';
import { engineOutageSuite } from './engine-outage-suite.ts';
import { POSTGRES_ENGINE } from './meta-engines.ts';
import { randomOperationsSuite } from './random-operations-suite.ts';
import { volumeFilesSuite } from './volume-files-suite.ts';

describe.skipIf(!POSTGRES_ENGINE.available())('files of a volume on postgres', () => volumeFilesSuite(POSTGRES_ENGINE));
describe.skipIf(!POSTGRES_ENGINE.available())('crashes of a client on postgres', () =>
  crashPointsSuite(POSTGRES_ENGINE),
);
describe.skipIf(!POSTGRES_ENGINE.available())('a volume on postgres', () => randomOperationsSuite(POSTGRES_ENGINE));
describe.skipIf(!POSTGRES_ENGINE.available())('an outage of postgres', () => engineOutageSuite(POSTGRES_ENGINE));
