// Why a change of identities is refused: one table for the admin API, with the codes that its clients know.

interface AdminErrorSpec {
  readonly code: string;
  readonly status: number;
  readonly message: string;
}

/** By our name: what the client is told. A refusal may say more precisely what was wrong. */
export const ADMIN_ERRORS = {
  // -- who and what
  NoSuchUser: { code: 'XMinioAdminNoSuchUser', status: 404, message: 'The specified user does not exist.' },
  NoSuchGroup: { code: 'XMinioAdminNoSuchGroup', status: 404, message: 'The specified group does not exist.' },
  NoSuchPolicy: { code: 'XMinioAdminNoSuchPolicy', status: 404, message: 'The canned policy does not exist.' },
  NoSuchRequest: { code: 'XMinioAdminNoSuchRequest', status: 404, message: 'The request is not remembered.' },
  NoSuchServiceAccount: {
    code: 'XMinioInvalidIAMCredentials',
    status: 404,
    message: 'The specified service account is not found',
  },
  GroupNotEmpty: {
    code: 'XMinioAdminGroupNotEmpty',
    status: 400,
    message: 'The specified group is not empty - cannot remove it.',
  },
  PolicyInUse: {
    code: 'XMinioIAMPolicyInUse',
    status: 400,
    message: 'The policy is attached to a user or group; detach it first.',
  },
  PolicyNotChanged: {
    code: 'XMinioAdminPolicyChangeAlreadyApplied',
    status: 400,
    message: 'The requested policy change is in effect already.',
  },
  AccessKeyTaken: {
    code: 'XMinioAdminInvalidAccessKey',
    status: 400,
    message: 'The access key belongs to another identity already.',
  },
  InvalidAccessKey: { code: 'XMinioAdminInvalidAccessKey', status: 400, message: 'The access key is invalid.' },
  InvalidSecretKey: { code: 'XMinioAdminInvalidSecretKey', status: 400, message: 'The secret key is invalid.' },
  InvalidArgument: { code: 'XMinioAdminInvalidArgument', status: 400, message: 'Invalid arguments specified.' },
  MalformedXML: {
    code: 'MalformedXML',
    status: 400,
    message: 'The XML you provided was not well-formed or did not validate against our published schema.',
  },
  MalformedPolicy: { code: 'XMinioMalformedIAMPolicy', status: 400, message: 'The policy is not valid.' },
  UserIsRoot: {
    code: 'XMinioInvalidIAMCredentials',
    status: 403,
    message: 'User is not allowed to be same as admin access key',
  },
  RootNotEligible: {
    code: 'XMinioInvalidIAMCredentials',
    status: 403,
    message: 'The administrator key is not eligible for this operation',
  },
  NotAllowed: {
    code: 'XMinioIAMActionNotAllowed',
    status: 403,
    message: 'Specified IAM action is not allowed under the current configuration',
  },

  // -- the server configuration
  ConfigError: { code: 'XMinioConfigError', status: 400, message: 'The configuration is not valid.' },
  ConfigNotFound: { code: 'XMinioConfigError', status: 404, message: 'There is no such configuration.' },
  ConfigRefused: { code: 'XMinioAdminConfigBadJSON', status: 400, message: 'The configuration cannot be used.' },

  // -- the request
  AccessDenied: { code: 'AccessDenied', status: 403, message: 'Access Denied.' },
  BadSealedBody: {
    code: 'XMinioAdminConfigBadJSON',
    status: 400,
    message: 'JSON configuration provided is of incorrect format',
  },
  BodyTooLarge: { code: 'XMinioAdminConfigTooLarge', status: 400, message: 'The body is larger than allowed.' },
  EntityTooLarge: { code: 'EntityTooLarge', status: 400, message: 'The body is larger than allowed.' },
  InvalidRequest: { code: 'InvalidRequest', status: 400, message: 'Invalid Request' },
  MissingContentLength: {
    code: 'MissingContentLength',
    status: 411,
    message: 'You must provide the Content-Length HTTP header.',
  },
  MethodNotAllowed: {
    code: 'MethodNotAllowed',
    status: 405,
    message: 'The specified method is not allowed against this resource.',
  },
  NotImplemented: {
    code: 'NotImplemented',
    status: 501,
    message: 'This service has no such function.',
  },
  VersionMismatch: {
    code: 'XMinioAdminVersionMismatch',
    status: 426,
    message: "This 'admin' API is not supported by this service.",
  },

  // -- us
  NoIdentityStore: {
    code: 'XMinioIAMNotInitialized',
    status: 503,
    message: 'The service keeps no identities that could be changed.',
  },
  Unavailable: { code: 'XMinioServerNotInitialized', status: 503, message: 'The service is not available. Try again.' },
  InternalError: { code: 'InternalError', status: 500, message: 'An internal error occurred. Try again.' },
} as const satisfies Record<string, AdminErrorSpec>;

export type AdminErrorName = keyof typeof ADMIN_ERRORS;

/** Thrown where a change is refused. The message is shown to the client. */
export class AdminRefusal extends Error {
  readonly error: AdminErrorName;
  constructor(error: AdminErrorName, message: string = ADMIN_ERRORS[error].message, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AdminRefusal';
    this.error = error;
  }
}
