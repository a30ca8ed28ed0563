// What every metadata engine must do, on Redis.
import { describe } from 'vitest';
import { crashPointsSuite } from './crash-points-suite.ts';
import { engineOutageSuite } from './engine-outage-suite.ts';
import { REDIS_ENGINE } from './meta-engines.ts';
import { randomOperationsSuite } from './random-operations-suite.ts';
import { volumeFilesSuite } from './volume-files-suite.ts';

describe.skipIf(!REDIS_ENGINE.available())('files of a volume on redis', () => volumeFilesSuite(REDIS_ENGINE));
describe.skipIf(!REDIS_ENGINE.available())('crashes of a client on redis', () => crashPointsSuite(REDIS_ENGINE));
describe.skipIf(!REDIS_ENGINE.available())('a volume on redis', () => randomOperationsSuite(REDIS_ENGINE));
describe.skipIf(!REDIS_ENGINE.available())('an outage of redis', () => engineOutageSuite(REDIS_ENGINE));
