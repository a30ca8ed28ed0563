// The suite of crash-points-suite.ts on SQLite; engines with a server have files of their own.
import { crashPointsSuite } from './crash-points-suite.ts';
import { SQLITE_ENGINE } from './meta-engines.ts';

crashPointsSuite(SQLITE_ENGINE);
