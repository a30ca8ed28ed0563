import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { S3Error } from './errors.ts';
import {
  element,
  elementWith,
  MAX_XML_DEPTH,
  optionalElement,
  readXml,
  XML_PROLOG,
  xmlChildren,
  xmlDocument,
  xmlText,
} from './xml.ts';

const read = (text: string) => readXml(Buffer.from(text), 'Delete');
const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof S3Error) return error.code;
    throw error;
  }
  return 'nothing was thrown';
};

describe('readXml', () => {
  it('reads elements, white space and values as they stand', () => {
    const root = read(
      '<?xml version="1.0" encoding="UTF-8"?>\n<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
        '<Object><Key> 007 </Key></Object><Object><Key>1e3</Key></Object><Quiet>true</Quiet></Delete>\n',
    );
    expect(xmlChildren(root, 'Object').map((object) => xmlText(object, 'Key'))).toEqual([' 007 ', '1e3']);
    expect(xmlText(root, 'Quiet')).toBe('true');
    expect(xmlText(root, 'Missing')).toBeUndefined();
  });

  it.each([
    ['named entities', '&lt;&gt;&amp;&quot;&apos;', `<>&"'`],
    ['numeric references', '&#65;&#x42;&#13;&#128512;', 'AB\r😀'],
    ['an escaped entity, once', '&amp;lt;&#38;#65;', '&lt;&#65;'],
    ['CDATA with markup in it', '<![CDATA[<a>&amp;&copy;]]>', '<a>&amp;&copy;'],
    ['a comment in between', 'a<!-- <!DOCTYPE x> &nope; -->b', 'ab'],
    ['text outside the basic plane', 'ключ 😀', 'ключ 😀'],
    ['a thousand entities', '&amp;'.repeat(1000), '&'.repeat(1000)],
    ['line ends, as XML reads them', 'a\r\nb', 'a\nb'],
  ])('decodes %s', (_, written, meant) => {
    expect(xmlText(read(`<Delete><Key>${written}</Key></Delete>`), 'Key')).toBe(meant);
  });

  it('leaves namespace prefixes away', () => {
    expect(xmlText(read('<s3:Delete xmlns:s3="x"><s3:Key>k</s3:Key></s3:Delete>'), 'Key')).toBe('k');
  });

  it.each([
    ['nothing', ''],
    ['plain text', 'hello'],
    ['an element that ends otherwise', '<Delete><Key>a</Delete></Key>'],
    ['an element that does not end', '<Delete><Key>a</Key>'],
    ['two roots', '<Delete/><Delete/>'],
    ['text after the root', '<Delete/>more'],
    ['CDATA after the root', '<Delete/><![CDATA[x]]>'],
    ['text before the root', 'x<Delete/>'],
    ['a processing instruction', '<?php x ?><Delete/>'],
    ['a declaration in the middle', '<Delete/><?xml version="1.0"?>'],
    ['another root', '<Remove/>'],
    ['a document type', '<!DOCTYPE Delete><Delete/>'],
    ['an entity declaration', '<!DOCTYPE Delete [<!ENTITY x "y">]><Delete><Key>&x;</Key></Delete>'],
    ['an unknown entity', '<Delete><Key>&copy;</Key></Delete>'],
    ['a bare ampersand', '<Delete><Key>a & b</Key></Delete>'],
    ['a reference to NUL', '<Delete><Key>&#0;</Key></Delete>'],
    ['a reference to a surrogate', '<Delete><Key>&#xD800;</Key></Delete>'],
    ['a reference beyond Unicode', '<Delete><Key>&#x110000;</Key></Delete>'],
    ['a control character', '<Delete><Key>\u0001</Key></Delete>'],
    ['an unfinished comment', '<Delete><!-- </Delete>'],
    ['unfinished CDATA', '<Delete><![CDATA[x</Delete>'],
    ['a name of the language it is read with', '<Delete><__proto__>x</__proto__></Delete>'],
    ['too deep a nest', `${'<Delete>'.repeat(MAX_XML_DEPTH + 2)}${'</Delete>'.repeat(MAX_XML_DEPTH + 2)}`],
  ])('refuses %s', (_, text) => {
    expect(codeOf(() => read(text))).toBe('MalformedXML');
  });

  it('refuses bytes that are not UTF-8, and more bytes than allowed', () => {
    expect(codeOf(() => readXml(Buffer.from('<Delete>\xff</Delete>', 'latin1'), 'Delete'))).toBe('MalformedXML');
    expect(codeOf(() => readXml(Buffer.from('<Delete></Delete>'), 'Delete', 16))).toBe('MalformedXML');
    expect(readXml(Buffer.from('<Delete></Delete>'), 'Delete', 17).name).toBe('Delete');
  });
});

describe('writing XML', () => {
  it('escapes text, keeps elements, leaves out what is undefined', () => {
    const node = element('A', 'x<&>"\'', element('B', 1, true), undefined, [element('C'), element('D', 'd')]);
    expect(node.xml).toBe('<A>x&lt;&amp;&gt;&quot;&apos;<B>1true</B><C></C><D>d</D></A>');
    expect(optionalElement('E', undefined)).toBeUndefined();
    expect(optionalElement('E', '')?.xml).toBe('<E></E>');
    expect(elementWith('F', { 'xsi:type': 'a"b' }, 'f').xml).toBe('<F xsi:type="a&quot;b">f</F>');
  });

  it('writes a document that its own reader reads back, line ends and tabs too', () => {
    const key = '\r\n\t <&>"\' ключ 😀 &amp;';
    const text = xmlDocument('Delete', element('Key', key));
    expect(text).toContain('&#13;');
    expect(text.startsWith('<?xml version="1.0" encoding="UTF-8"?>\n<Delete xmlns="http://s3.')).toBe(true);
    expect(xmlText(read(text), 'Key')).toBe(key);
  });

  it('stays readable when a name holds what XML cannot', () => {
    const text = xmlDocument('Delete', element('Key', 'a\u0001\ud800b'));
    expect(xmlText(read(text), 'Key')).toBe('a\ufffd\ufffdb');
  });
});

describe('documents of the plainest kind, which take a shorter way', () => {
  const name = fc.constantFrom('Delete', 'Object', 'Key', 'A1', 'xmlKey', 'a');
  const text = fc.oneof(
    fc.constantFrom(
      '',
      ' ',
      '\n  ',
      'key',
      'a/b c',
      '&amp;',
      '&#65;',
      ']]>',
      '<![CDATA[x]]>',
      '<!-- c -->',
      '\r\n',
      'ключ',
      '>',
    ),
    fc.string({ maxLength: 8 }).map((each) => each.replace(/[<&]/g, '')),
  );
  const { node } = fc.letrec<{ node: string }>((tie) => ({
    node: fc
      .tuple(
        name,
        fc.constantFrom('', '', '', ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"', ' a="b"', ' '),
        fc.array(fc.oneof({ maxDepth: 4 }, text, tie('node')), { maxLength: 4 }),
        fc.constantFrom('', '', '', '', '', '/', 'x'),
      )
      .map(([tag, attributes, inside, wrong]) => `<${tag}${attributes}>${inside.join('')}</${tag}${wrong}>`),
  }));
  const outcome = (document: string): unknown => {
    try {
      return readXml(Buffer.from(document), 'Delete');
    } catch (error) {
      if (error instanceof S3Error) return error.code;
      throw error;
    }
  };

  test('say what the whole parser says of them', () => {
    fc.assert(
      fc.property(
        node,
        fc.constantFrom('', XML_PROLOG, '\n'),
        fc.constantFrom('', '\n', 'x', '<a></a>'),
        (inside, before, after) => {
          const document = `<Delete>${inside}</Delete>${after}`;
          // a comment is nothing to either, but sends the document the long way
          expect(outcome(before + document)).toEqual(outcome(`${before}<!-- -->${document}`));
        },
      ),
      { numRuns: 2000 },
    );
  });
});
