// Where the sidecar takes what is not S3's: its private socket on this machine, or its HTTP address on another, where a gateway has to
// show who it is before it is believed about its clients.

export type SidecarDoor =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'http'; readonly host: string; readonly port: number; readonly token: string }
  | {
      readonly kind: 'https';
      readonly host: string;
      readonly port: number;
      readonly token: string;
      /** PEM texts; without authorities those of the system are believed. */
      readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string };
    };
