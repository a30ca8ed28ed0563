// XML in and out. In: one function, one set of rules for every document a client sends; what is doubtful is refused.
// Out: elements are built as text, escaped here and nowhere else.
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { S3Error } from './errors.ts';

/** Namespace of S3's documents. */
export const S3_NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';
/** Most bytes of a document that `readXml` takes unless told otherwise: S3's own limit for its largest (DeleteObjects). */
export const MAX_XML_BYTES = 2 * 1024 * 1024;
/** Deepest nesting of elements; S3's documents need 6. */
export const MAX_XML_DEPTH = 32;

// ---------------------------------------------------------------- in

/** An element without its namespace prefix and attributes. */
export interface XmlElement {
  readonly name: string;
  /** The character data directly inside, entities decoded, white space as it stood. */
  readonly text: string;
  readonly children: readonly XmlElement[];
}

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: true,
  removeNSPrefix: true,
  parseTagValue: false,
  trimValues: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  // numeric references are decoded with this switch only
  htmlEntities: true,
  processEntities: true,
});

const UTF8 = new TextDecoder('utf-8', { fatal: true });
const ENTITY = /&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));|&/g;
/** Characters that XML 1.0 does not have: controls but tab, line feed and carriage return, lone surrogates, two non-characters. */
const NOT_XML = /(?![\t\n\r\x7f-\x9f])\p{Cc}|\p{Cs}|[\ufffe\uffff]/u;
const TEXT = '#text';

/**
 * Reads a document whose root element is `root`. Throws MalformedXML for anything but a well-formed UTF-8 document of that
 * root within the limit; a document type declaration and entities other than XML's five and numeric ones are refused.
 */
export function readXml(document: Uint8Array, root: string, maxBytes: number = MAX_XML_BYTES): XmlElement {
  if (document.byteLength > maxBytes) throw new S3Error('MalformedXML', `The document exceeds ${maxBytes} bytes.`);
  const text = decodeUtf8(document);
  if (NOT_XML.test(text)) throw new S3Error('MalformedXML', 'The document holds characters that XML does not have.');
  const markup = withoutCharacterData(text);
  if (/<[!?]/.test(markup)) {
    throw new S3Error('MalformedXML', 'Document type declarations and processing instructions are not accepted.');
  }
  // the validator overlooks text after a root that closes itself
  if (!/^\s*<[\s\S]*>\s*$/.test(markup)) throw new S3Error('MalformedXML');
  checkEntities(markup);
  const plain = parsePlain(text);
  if (plain !== undefined) return requireRoot(plain, root);
  const verdict = XMLValidator.validate(text);
  if (verdict !== true) throw new S3Error('MalformedXML', undefined, { cause: verdict.err });
  const nodes = parse(text);
  const elements = toElements(nodes, 0);
  const [first, ...more] = elements.children;
  if (first === undefined || more.length > 0 || elements.text.trim() !== '') throw new S3Error('MalformedXML');
  return requireRoot(first, root);
}

function requireRoot(element: XmlElement, root: string): XmlElement {
  if (element.name !== root) {
    throw new S3Error('MalformedXML', `The document's root element should be ${root}.`);
  }
  return element;
}

/** A tag of the plainest kind, and the text before it. The root may name a namespace, as most clients write it. */
const PLAIN_TAG = /([^<&]*)<(\/?)([A-Za-z][A-Za-z0-9]*)(?: xmlns="[^"<&]*")?>/y;

/**
 * Reads what nearly all clients send: elements and text, no attributes, references, comments or sections. It is told apart from
 * anything else as it is read, and anything else (what is not well-formed as well) is left to the parser that knows it all.
 */
function parsePlain(text: string): XmlElement | undefined {
  // line ends are read as XML has it
  if (text.includes('\r')) return undefined;
  const open: { name: string; text: string; children: XmlElement[] }[] = [];
  PLAIN_TAG.lastIndex = text.startsWith('<?xml') ? text.indexOf('?>') + 2 : 0;
  let end = PLAIN_TAG.lastIndex;
  for (let tag = PLAIN_TAG.exec(text); tag !== null; tag = PLAIN_TAG.exec(text)) {
    const [all, before = '', slash, name = ''] = tag;
    const inside = open[open.length - 1];
    end += all.length;
    if (inside === undefined ? before.trim() !== '' : before.includes(']]>')) return undefined;
    if (inside !== undefined) inside.text += before;
    if (slash === '') {
      if (open.length >= MAX_XML_DEPTH || name.toLowerCase().startsWith('xml')) return undefined;
      const element = { name, text: '', children: [] };
      inside?.children.push(element);
      open.push(element);
      continue;
    }
    if (inside?.name !== name || all.endsWith('">')) return undefined;
    open.pop();
    if (open.length === 0) return text.slice(end).trim() === '' ? inside : undefined;
  }
  return undefined;
}

/** The first child of that name. */
export function xmlChild(parent: XmlElement, name: string): XmlElement | undefined {
  return parent.children.find((child) => child.name === name);
}

/** All children of that name, in order. */
export function xmlChildren(parent: XmlElement, name: string): readonly XmlElement[] {
  return parent.children.filter((child) => child.name === name);
}

/** The text of the first child of that name; undefined if there is none. */
export function xmlText(parent: XmlElement, name: string): string | undefined {
  return xmlChild(parent, name)?.text;
}

function decodeUtf8(document: Uint8Array): string {
  try {
    return UTF8.decode(document);
  } catch (cause) {
    throw new S3Error('MalformedXML', 'The document is not UTF-8.', { cause });
  }
}

/** The document without its declaration and comments, and with CDATA as plain text: what looks like markup then is markup. */
function withoutCharacterData(text: string): string {
  return text
    .replace(/^<\?xml\s[^?]*\?>/, '')
    .replace(/<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>/g, (found) => (found.startsWith('<!--') ? '' : 'text'));
}

function checkEntities(markup: string): void {
  for (const [, named, decimal, hex] of markup.matchAll(ENTITY)) {
    if (named !== undefined) continue;
    const digits = decimal ?? hex;
    const point = digits === undefined ? -1 : Number.parseInt(digits, decimal === undefined ? 16 : 10);
    const legal = point >= 0 && point <= 0x10ffff && !NOT_XML.test(String.fromCodePoint(point));
    if (!legal) throw new S3Error('MalformedXML', 'The document holds a reference that is not accepted.');
  }
}

type ParsedNode = Readonly<Record<string, unknown>>;

function parse(text: string): readonly ParsedNode[] {
  try {
    return parser.parse(text) as readonly ParsedNode[];
  } catch (cause) {
    throw new S3Error('MalformedXML', undefined, { cause });
  }
}

function toElements(nodes: readonly ParsedNode[], depth: number): { text: string; children: XmlElement[] } {
  if (depth > MAX_XML_DEPTH) throw new S3Error('MalformedXML', 'The document is nested too deeply.');
  let text = '';
  const children: XmlElement[] = [];
  for (const node of nodes) {
    for (const [name, value] of Object.entries(node)) {
      if (name === TEXT) text += String(value);
      else if (Array.isArray(value)) children.push({ name, ...toElements(value as readonly ParsedNode[], depth + 1) });
    }
  }
  return { text, children };
}

// ---------------------------------------------------------------- out

/** A finished piece of XML; made by `element` only, so that text cannot pass for it. */
export class XmlNode {
  readonly xml: string;
  constructor(xml: string) {
    this.xml = xml;
  }
}

/** What may stand inside an element; undefined is left out. */
export type XmlContent = string | number | boolean | XmlNode | undefined | readonly XmlContent[];

/** An element with its content: text is escaped, elements stand as they are. */
export function element(name: string, ...content: readonly XmlContent[]): XmlNode {
  const [only] = content;
  if (typeof only === 'string' && content.length === 1) return new XmlNode(`<${name}>${escapeXml(only)}</${name}>`);
  return new XmlNode(`<${name}>${content.map(render).join('')}</${name}>`);
}

/** As `element`, with attributes. */
export function elementWith(
  name: string,
  attributes: Readonly<Record<string, string>>,
  ...content: readonly XmlContent[]
): XmlNode {
  const text = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(value)}"`);
  return new XmlNode(`<${name}${text.join('')}>${content.map(render).join('')}</${name}>`);
}

/** The element, or nothing when there is no value. */
export function optionalElement(name: string, value: string | number | boolean | undefined): XmlNode | undefined {
  return value === undefined ? undefined : element(name, value);
}

/** A whole document: prolog and root element in S3's namespace. */
export function xmlDocument(root: string, ...content: readonly XmlContent[]): string {
  return `${XML_PROLOG}${elementWith(root, { xmlns: S3_NAMESPACE }, ...content).xml}`;
}

export const XML_PROLOG = '<?xml version="1.0" encoding="UTF-8"?>\n';

function render(content: XmlContent): string {
  if (content === undefined) return '';
  if (content instanceof XmlNode) return content.xml;
  if (typeof content === 'string') return escapeXml(content);
  if (typeof content === 'object') return content.map(render).join('');
  return String(content);
}

const TO_ESCAPE = /[&<>"'\r\n\t]|(?![\x7f-\x9f])\p{Cc}|\p{Cs}|[\ufffe\uffff]/gu;
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\r': '&#13;',
  '\n': '&#10;',
  '\t': '&#9;',
};

/**
 * Escapes text for element content and attribute values. Characters that XML 1.0 cannot hold become U+FFFD, so that the
 * document stays readable; who needs such names back asks for encoding-type=url.
 */
export function escapeXml(text: string): string {
  if (/^[\x20!#-%(-;=?-~]*$/.test(text)) return text;
  return text.replace(TO_ESCAPE, (character) => ESCAPES[character] ?? '\ufffd');
}
