// The claims of a token that are condition keys.

/** OpenID Connect Core 1.0, 5.1, and the few that issuers add: claims that are condition keys as `jwt:NAME`. */
export const JWT_CLAIMS = [
  'sub',
  'iss',
  'aud',
  'jti',
  'upn',
  'name',
  'groups',
  'given_name',
  'family_name',
  'middle_name',
  'nickname',
  'preferred_username',
  'profile',
  'picture',
  'website',
  'email',
  'gender',
  'birthdate',
  'phone_number',
  'address',
  'scope',
  'client_id',
] as const;
