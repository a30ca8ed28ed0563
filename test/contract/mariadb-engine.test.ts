// What every metadata engine must do, on MariaDB.
import { describe } from 'vitest';
import { crashPointsSuite } from './crash-points-suite.ts';
import { engineOutageSuite } from './engine-outage-suite.ts';
import { MARIADB_ENGINE } from './meta-engines.ts';
import { randomOperationsSuite } from './random-operations-suite.ts';
import { volumeFilesSuite } from './volume-files-suite.ts';

describe.skipIf(!MARIADB_ENGINE.available())('files of a volume on mariadb', () => volumeFilesSuite(MARIADB_ENGINE));
describe.skipIf(!MARIADB_ENGINE.available())('crashes of a client on mariadb', () => crashPointsSuite(MARIADB_ENGINE));
describe.skipIf(!MARIADB_ENGINE.available())('a volume on mariadb', () => randomOperationsSuite(MARIADB_ENGINE));
describe.skipIf(!MARIADB_ENGINE.available())('an outage of mariadb', () => engineOutageSuite(MARIADB_ENGINE));
