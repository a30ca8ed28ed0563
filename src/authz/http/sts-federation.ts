// The calls that need no credentials of this service, because another system vouches for who makes them: an OpenID issuer
// (AssumeRoleWithWebIdentity, AssumeRoleWithClientGrants), a directory (AssumeRoleWithLDAPIdentity), a certificate authority
// (AssumeRoleWithCertificate).
import { addExternalSession, type SessionCredentials } from '../administration/sessions.ts';
import {
  certificateIdentity,
  directoryIdentity,
  type ExternalIdentity,
  openIdIdentity,
} from '../identity/external-identity.ts';
import { vouchedFor } from '../identity/principal.ts';
import { MAX_TOKEN_CHARACTERS } from '../identity/provider/openid.ts';
import { claimsOfIdentity } from '../identity/session-identity.ts';
import type { HttpRequest } from './http-request.ts';
import { notEligible } from './sts-assume-role.ts';
import { allowedDuration } from './sts-duration.ts';
import { readDuration, readPolicy, readSessionName, requireParameter, type StsParameters } from './sts-parameters.ts';
import { type StsAnswer, StsRefusal } from './sts-reply.ts';
import type { StsService } from './sts-service.ts';

/** Characters of what a token says of an identity: it has to fit into a request header. */
const MAX_IDENTITY_CHARACTERS = 6 * 1024;

/** Somebody, and what the answer says of them. */
interface Vouched {
  readonly identity: ExternalIdentity;
  readonly about?: Readonly<Record<string, string>>;
  /** Unix milliseconds: the proof holds no longer, so neither does the session. */
  readonly untilMs?: number;
}

type Voucher = (service: StsService, request: HttpRequest, parameters: StsParameters) => Promise<Vouched>;

/** By the name of the call: how its caller is identified. They throw StsRefusal and ProviderRefusal. */
export const VOUCHERS: Readonly<Record<string, Voucher>> = {
  AssumeRoleWithWebIdentity: (service, _, parameters) => byToken(service, parameters, 'WebIdentityToken'),
  AssumeRoleWithClientGrants: (service, _, parameters) => byToken(service, parameters, 'Token'),
  AssumeRoleWithLDAPIdentity: byPassword,
  AssumeRoleWithCertificate: byCertificate,
};

async function byToken(
  service: StsService,
  parameters: StsParameters,
  name: 'WebIdentityToken' | 'Token',
): Promise<Vouched> {
  const { provider, claims, issuer, audience, policies } = await service.openId.verify(
    requireParameter(parameters, name),
    parameters.get('RoleArn'),
    { accessToken: readAccessToken(parameters) },
  );
  const identity = openIdIdentity(claims, policies, provider);
  const [subject = ''] = identity.keys.get('jwt:sub') ?? [];
  return {
    identity,
    about:
      name === 'Token'
        ? { SubjectFromToken: subject }
        : { SubjectFromWebIdentityToken: subject, Audience: audience, Provider: issuer },
  };
}

/** What the bearer may ask the issuer with, where the token is none that it takes. Throws StsRefusal. */
function readAccessToken(parameters: StsParameters): string | undefined {
  const text = parameters.get('WebIdentityAccessToken') ?? '';
  if (text === '') return undefined;
  // it becomes a header
  if (text.length > MAX_TOKEN_CHARACTERS || !/^[\x21-\x7e]+$/.test(text)) {
    throw new StsRefusal('InvalidIdentityToken', 'WebIdentityAccessToken is no token.');
  }
  return text;
}

async function byPassword(service: StsService, _: HttpRequest, parameters: StsParameters): Promise<Vouched> {
  const username = requireParameter(parameters, 'LDAPUsername');
  const password = requireParameter(parameters, 'LDAPPassword');
  if (service.directory === undefined) throw new StsRefusal('NotImplemented', 'No directory is configured.');
  return { identity: directoryIdentity(await service.directory.authenticate(username, password)) };
}

async function byCertificate(service: StsService, request: HttpRequest): Promise<Vouched> {
  if (!service.certificates) throw new StsRefusal('NotImplemented', 'Client certificates are not configured.');
  const { clientCertificate } = request;
  if (clientCertificate === undefined) {
    throw new StsRefusal('AccessDenied', 'A client certificate is needed, over a connection that asks for one.');
  }
  const { problem, commonName, validUntilMs } = clientCertificate;
  if (problem !== undefined) throw new StsRefusal('AccessDenied', `The client certificate is refused: ${problem}.`);
  if (!(validUntilMs > service.admin.nowMs())) {
    throw new StsRefusal('AccessDenied', 'The client certificate is refused: it has expired.');
  }
  return { identity: certificateIdentity(commonName), untilMs: validUntilMs };
}

/** Makes a session of whom another system vouches for. */
export async function assumeRoleWith(
  action: string,
  voucher: Voucher,
  service: StsService,
  request: HttpRequest,
  parameters: StsParameters,
): Promise<StsAnswer> {
  const seconds = readDuration(parameters);
  const policy = readPolicy(service.admin, parameters);
  const { identity, about, untilMs } = await voucher(service, request, parameters);
  const name = readSessionName(parameters);
  const credentials = await openExternalSession(service, request, { action, identity, seconds, policy, name, untilMs });
  return { credentials, ...(about === undefined ? {} : { about }) };
}

/** A session that is wanted of somebody whom another system vouched for. */
export interface ExternalSession {
  /** The call that makes it, which policies may limit as `sts:ACTION`. */
  readonly action: string;
  readonly identity: ExternalIdentity;
  /** How long it should last. */
  readonly seconds: number;
  /** An inline policy that limits it. */
  readonly policy?: string | undefined;
  readonly name?: string;
  /** Unix milliseconds: it ends then at the latest. */
  readonly untilMs?: number | undefined;
}

/** Makes the session. Throws StsRefusal. */
export async function openExternalSession(
  service: StsService,
  request: HttpRequest,
  { action, identity, seconds, policy, name = '', untilMs = Number.POSITIVE_INFINITY }: ExternalSession,
): Promise<SessionCredentials> {
  const { admin } = service;
  const policies = service.policiesOf(identity);
  if (policies.length === 0) {
    throw new StsRefusal('AccessDenied', `No policy that there is here belongs to ${identity.accessKey}.`);
  }
  const allowed = await allowedDuration(service, vouchedFor(identity), `sts:${action}`, seconds, request);
  if (allowed === undefined) throw notEligible();
  const claims = claimsOfIdentity(identity);
  if (JSON.stringify(claims).length > MAX_IDENTITY_CHARACTERS) {
    throw new StsRefusal('InvalidParameterValue', 'What is known of the identity is too much to be put into a token.');
  }
  const expiresAtMs = Math.floor(Math.min(admin.nowMs() + allowed * 1000, untilMs) / 1000) * 1000;
  let made: SessionCredentials | undefined;
  await admin.run(
    addExternalSession(
      admin.rules,
      {
        parent: '',
        policy,
        expiresAtMs,
        name,
        policies: identity.attachedTo === undefined ? identity.policies : policies,
        claims,
      },
      (credentials) => {
        made = credentials;
      },
    ),
  );
  if (made === undefined) throw new Error('the session was stored without being made');
  return made;
}
