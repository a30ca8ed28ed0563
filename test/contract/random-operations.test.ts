// The suite of random-operations-suite.ts on SQLite; engines with a server have files of their own.

import { SQLITE_ENGINE } from './meta-engines.ts';
import { randomOperationsSuite } from './random-operations-suite.ts';

randomOperationsSuite(SQLITE_ENGINE);
