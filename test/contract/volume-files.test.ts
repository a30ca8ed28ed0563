// The suite of volume-files-suite.ts on SQLite; engines with a server have files of their own.

import { SQLITE_ENGINE } from './meta-engines.ts';
import { volumeFilesSuite } from './volume-files-suite.ts';

volumeFilesSuite(SQLITE_ENGINE);
