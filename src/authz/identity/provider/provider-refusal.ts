// Why an identity provider does not vouch for somebody. The doors turn the kinds into their protocol's codes.

export type ProviderRefusalKind =
  /** The proof is not one: signature, issuer, audience, password. */
  | 'rejected'
  /** It was one. */
  | 'expired'
  /** Nothing here is configured to judge it. */
  | 'not-configured'
  /** The provider cannot be asked at the moment. */
  | 'unavailable';

export class ProviderRefusal extends Error {
  readonly kind: ProviderRefusalKind;
  constructor(kind: ProviderRefusalKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ProviderRefusal';
    this.kind = kind;
  }
}
