// The errors of the S3 protocol: one typed table, one class. What is in no row cannot be answered.
// How an error is put on the wire stands in error-reply.ts; faults (bugs, outages) are not S3Errors and become InternalError there.

/** A row of the table. The message is for people and is shown to the client. */
export interface S3ErrorSpec {
  readonly status: number;
  readonly message: string;
}

/** Error codes of S3 (and of MinIO, with its X prefix), with the HTTP status that belongs to each. */
export const S3_ERRORS = {
  // -- who asks
  AccessDenied: { status: 403, message: 'Access denied.' },
  AccessControlListNotSupported: { status: 400, message: 'The bucket does not allow access control lists.' },
  AccessForbidden: { status: 403, message: 'The cross-origin request is not allowed.' },
  AllAccessDisabled: { status: 403, message: 'All access to this resource is disabled.' },
  AuthorizationHeaderMalformed: { status: 400, message: 'The Authorization header is malformed.' },
  AuthorizationQueryParametersError: { status: 400, message: 'The authorization query parameters are malformed.' },
  CredentialsNotSupported: { status: 400, message: 'This request does not support these credentials.' },
  ExpiredToken: { status: 400, message: 'The provided token has expired.' },
  InvalidAccessKeyId: { status: 403, message: 'The access key that was provided does not exist in our records.' },
  InvalidPolicyDocument: { status: 400, message: 'The form does not meet the conditions of its policy document.' },
  InvalidTokenId: { status: 403, message: 'The security token of the request is not valid.' },
  InvalidToken: { status: 400, message: 'The provided token is malformed or otherwise invalid.' },
  MissingSecurityHeader: { status: 400, message: 'The request misses a required security header.' },
  RequestTimeTooSkewed: {
    status: 403,
    message: 'The difference between the time of the request and the time of the server is too large.',
  },
  SignatureDoesNotMatch: {
    status: 403,
    message: 'The signature that was calculated for the request does not match the one provided. Check the secret key.',
  },
  UnauthorizedAccess: { status: 401, message: 'The caller could not be authenticated.' },

  // -- what is named
  InvalidBucketName: { status: 400, message: 'The specified bucket is not valid.' },
  KeyTooLongError: { status: 400, message: 'The key, or one of its components, is too long.' },
  NoSuchBucket: { status: 404, message: 'The specified bucket does not exist.' },
  NoSuchBucketPolicy: { status: 404, message: 'The bucket has no policy.' },
  NoSuchCORSConfiguration: { status: 404, message: 'The bucket has no CORS configuration.' },
  NoSuchKey: { status: 404, message: 'The specified key does not exist.' },
  NoSuchLifecycleConfiguration: { status: 404, message: 'The bucket has no lifecycle configuration.' },
  NoSuchPublicAccessBlockConfiguration: {
    status: 404,
    message: 'The bucket has no public access block configuration.',
  },
  NoSuchTagSet: { status: 404, message: 'There is no tag set.' },
  NoSuchUpload: {
    status: 404,
    message: 'The specified multipart upload does not exist. It may have been completed or aborted.',
  },
  NoSuchVersion: { status: 404, message: 'The specified version does not exist.' },
  NoSuchWebsiteConfiguration: { status: 404, message: 'The bucket has no website configuration.' },
  ObjectLockConfigurationNotFoundError: { status: 404, message: 'The bucket has no object lock configuration.' },
  OwnershipControlsNotFoundError: { status: 404, message: 'The bucket has no ownership controls.' },
  ReplicationConfigurationNotFoundError: { status: 404, message: 'The bucket has no replication configuration.' },
  ServerSideEncryptionConfigurationNotFoundError: {
    status: 404,
    message: 'The bucket has no server side encryption configuration.',
  },
  XMinioInvalidObjectName: { status: 400, message: 'The object name does not name one place in the bucket.' },

  // -- what stands in the way
  BucketAlreadyExists: { status: 409, message: 'The bucket name is taken.' },
  BucketAlreadyOwnedByYou: { status: 409, message: 'The bucket exists already and is yours.' },
  BucketNotEmpty: { status: 409, message: 'The bucket is not empty.' },
  InvalidObjectState: { status: 403, message: 'The operation is not valid for the state of the object.' },
  NotModified: { status: 304, message: 'The object was not modified.' },
  OperationAborted: { status: 409, message: 'A conflicting operation is in progress. Try again.' },
  PreconditionFailed: { status: 412, message: 'At least one of the preconditions did not hold.' },
  QuotaExceeded: { status: 403, message: 'The quota of the bucket or volume is used up.' },
  XMinioObjectExistsAsDirectory: { status: 409, message: 'A directory stands where the object should be.' },
  XMinioParentIsObject: { status: 400, message: 'An object stands where a directory on the way should be.' },
  XMinioStorageFull: { status: 507, message: 'The volume is full.' },

  // -- the body
  BadDigest: { status: 400, message: 'The Content-MD5 or checksum that was sent does not match what was received.' },
  EntityTooLarge: { status: 400, message: 'The proposed upload is larger than allowed.' },
  EntityTooSmall: { status: 400, message: 'The proposed upload is smaller than allowed.' },
  IncompleteBody: { status: 400, message: 'The body does not have the number of bytes that was declared.' },
  InvalidChunkSizeError: { status: 403, message: 'A chunk of the body has no valid size.' },
  InvalidDigest: { status: 400, message: 'The Content-MD5 or checksum that was sent is not valid.' },
  InvalidPart: {
    status: 400,
    message: 'One or more of the parts could not be found, or their entity tags do not match.',
  },
  InvalidPartNumber: { status: 416, message: 'The requested part number cannot be satisfied.' },
  InvalidPartOrder: { status: 400, message: 'The parts are not in ascending order.' },
  MalformedACLError: {
    status: 400,
    message: 'The access control list is not well-formed, or is not of the expected shape.',
  },
  MalformedPOSTRequest: { status: 400, message: 'The body is not a well-formed multipart/form-data document.' },
  MaxPostPreDataLengthExceededError: {
    status: 400,
    message: 'The fields in front of the file of a POST request are too large.',
  },
  MalformedPolicy: { status: 400, message: 'The policy is not valid.' },
  MalformedTrailerError: { status: 400, message: 'The trailer of the body is missing or malformed.' },
  MalformedXML: { status: 400, message: 'The XML is not well-formed, or is not of the expected shape.' },
  MissingContentLength: { status: 411, message: 'The request needs a Content-Length header.' },
  MissingRequestBodyError: { status: 400, message: 'The request needs a body.' },
  RequestTimeout: { status: 400, message: 'The body did not arrive in time.' },
  UnresolvableGrantByEmailAddress: { status: 400, message: 'The email address does not match any account on record.' },
  UnexpectedContent: { status: 400, message: 'This request does not take a body.' },
  XAmzContentChecksumMismatch: { status: 400, message: 'The checksum that was sent does not match what was received.' },
  XAmzContentSHA256Mismatch: {
    status: 400,
    message: 'The x-amz-content-sha256 header does not match the SHA-256 of what was received.',
  },

  // -- the request
  BadRequest: { status: 400, message: 'The request is not valid.' },
  IllegalLocationConstraintException: { status: 400, message: 'The location constraint is not valid here.' },
  InvalidArgument: { status: 400, message: 'An argument is not valid.' },
  InvalidBucketAclWithObjectOwnership: {
    status: 400,
    message: 'The access control list of the bucket does not go with its object ownership.',
  },
  InvalidBucketState: { status: 409, message: 'The request is not valid for the state of the bucket.' },
  InvalidEncryptionAlgorithmError: {
    status: 400,
    message: 'The encryption request is not valid. The valid value is AES256.',
  },
  InvalidLocationConstraint: { status: 400, message: 'The location constraint is not valid.' },
  InvalidRange: { status: 416, message: 'The requested range cannot be satisfied.' },
  InvalidRequest: { status: 400, message: 'The request is not valid.' },
  InvalidStorageClass: { status: 400, message: 'The storage class is not valid.' },
  InvalidTag: { status: 400, message: 'A tag is not valid.' },
  InvalidURI: { status: 400, message: 'The URI of the request could not be read.' },
  MetadataTooLarge: { status: 400, message: 'The metadata headers exceed the largest allowed size.' },
  MethodNotAllowed: { status: 405, message: 'The method is not allowed against this resource.' },
  NotImplemented: { status: 501, message: 'What the request asks for is not implemented.' },
  RequestHeaderSectionTooLarge: { status: 400, message: 'The header section of the request is too large.' },

  // -- us
  InternalError: { status: 500, message: 'An internal error occurred. Try again.' },
  ServiceUnavailable: { status: 503, message: 'The service is not available at the moment. Try again.' },
  SlowDown: { status: 503, message: 'Too many requests. Reduce the request rate.' },
} as const satisfies Record<string, S3ErrorSpec>;

/** The name of a row. */
export type S3ErrorCode = keyof typeof S3_ERRORS;

/** What an error says beside its code. */
export interface S3ErrorDetail {
  /** Further elements of the XML answer, e.g. { ActualObjectSize: '10' }. Shown to the client. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Headers of the answer, lower case, e.g. an etag with NotModified or content-range with InvalidRange. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What led here; logged, never shown. */
  readonly cause?: unknown;
}

/** An answer of the protocol that is not a success. `message` is shown to the client: no secret, no detail of ours. */
export class S3Error extends Error {
  readonly code: S3ErrorCode;
  readonly fields: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;

  /** `message` replaces the row's text where more can be said. */
  constructor(code: S3ErrorCode, message?: string, detail: S3ErrorDetail = {}) {
    super(message ?? S3_ERRORS[code].message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.name = 'S3Error';
    this.code = code;
    this.fields = detail.fields ?? {};
    this.headers = detail.headers ?? {};
  }

  /** The HTTP status of the code. */
  get status(): number {
    return S3_ERRORS[this.code].status;
  }
}

/** The code if the text is a row's name (a reason that the sidecar gave, for instance). */
export function asS3ErrorCode(text: string): S3ErrorCode | undefined {
  return Object.hasOwn(S3_ERRORS, text) ? (text as S3ErrorCode) : undefined;
}
