// What every metadata engine must do, on etcd.
import { describe } from 'vitest';
import { crashPointsSuite } from './crash-points-suite.ts';
import { engineOutageSuite } from './engine-outage-suite.ts';
import { ETCD_ENGINE } from './meta-engines.ts';
import { randomOperationsSuite } from './random-operations-suite.ts';
import { volumeFilesSuite } from './volume-files-suite.ts';

describe.skipIf(!ETCD_ENGINE.available())('files of a volume on etcd', () => volumeFilesSuite(ETCD_ENGINE));
describe.skipIf(!ETCD_ENGINE.available())('crashes of a client on etcd', () => crashPointsSuite(ETCD_ENGINE));
describe.skipIf(!ETCD_ENGINE.available())('a volume on etcd', () => randomOperationsSuite(ETCD_ENGINE));
describe.skipIf(!ETCD_ENGINE.available())('an outage of etcd', () => engineOutageSuite(ETCD_ENGINE));
