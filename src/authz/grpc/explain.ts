import type { ExplainRequest, ExplainResponse } from '../../../proto/gen/portcullis/authz/v1/authorization.ts';
import { AskFault } from '../identity/ask-fault.ts';

export class Explainer {
  explain(_request: ExplainRequest): ExplainResponse {
    throw AskFault.notPermitted('not yet');
  }
}
