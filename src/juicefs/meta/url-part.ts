// A percent-encoded part of a META-URL.
import { VolumeOpenError } from '../volume-error.ts';

/** The text that stands for; InvalidUrl, without the text, where a percent sign begins no escape. */
export function decodeUrlPart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw new VolumeOpenError('InvalidUrl', 'the META-URL has a percent sign that begins no escape; write it as %25');
  }
}
