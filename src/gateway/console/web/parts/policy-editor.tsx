// An editor for policy documents: the parser's issues beside their place while it is written, and templates to begin with.
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { type DocumentKind, type Issue, type Vocabulary, validate, vocabulary } from '../api/policy-desk.ts';
import { messageOf } from '../api/request.ts';
import { type Completion, completionAt } from './completion.ts';
import { lineOfPath } from './json-place.ts';
import { t } from './language.ts';
import type { Template } from './policy-templates.ts';

/** A pause in typing before the document is checked, milliseconds. */
const CHECK_AFTER_MS = 300;

export interface EditorProps {
  readonly value: string;
  readonly kind: DocumentKind;
  readonly label: string;
  readonly bucket?: string;
  readonly templates?: readonly Template[];
  /** The document as it is stored. */
  readonly before?: string | undefined;
  readonly readOnly?: boolean;
  readonly onChange: (document: string) => void;
  readonly onIssues?: (count: number) => void;
}

export function PolicyEditor({
  value,
  kind,
  label,
  bucket = '',
  templates = [],
  readOnly = false,
  onChange,
  onIssues,
}: EditorProps) {
  const [issues, setIssues] = useState<readonly Issue[]>([]);
  const [problem, setProblem] = useState<string>();
  const [words, setWords] = useState<Vocabulary>();
  const [completion, setCompletion] = useState<Completion>();
  const [chosen, setChosen] = useState(0);
  const area = useRef<HTMLTextAreaElement>(null);
  const id = useId();
  useEffect(() => {
    if (readOnly || value.trim() === '') {
      setIssues([]);
      return undefined;
    }
    let isCurrent = true;
    const timer = setTimeout(() => {
      validate(value, kind, bucket).then(
        (found) => {
          if (!isCurrent) return;
          setIssues(found);
          setProblem(undefined);
          onIssues?.(found.length);
        },
        (error: unknown) => isCurrent && setProblem(messageOf(error)),
      );
    }, CHECK_AFTER_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [value, kind, bucket, readOnly]);
  useEffect(() => {
    // Without a vocabulary nothing is completed; the parser still says what is wrong.
    vocabulary(kind).then(setWords, () => setWords(undefined));
  }, [kind]);
  const typed = (element: HTMLTextAreaElement): void => {
    onChange(element.value);
    setChosen(0);
    setCompletion(words === undefined ? undefined : completionAt(element.value, element.selectionStart, words));
  };
  const complete = (word: string): void => {
    if (completion === undefined) return;
    onChange(`${value.slice(0, completion.start)}${word}${value.slice(completion.end)}`);
    setCompletion(undefined);
    const caret = completion.start + word.length;
    requestAnimationFrame(() => {
      area.current?.focus();
      area.current?.setSelectionRange(caret, caret);
    });
  };
  const pressed = (event: KeyboardEvent): void => {
    if (completion === undefined) return;
    const { length } = completion.words;
    const word = completion.words[chosen];
    if (event.key === 'ArrowDown') setChosen((chosen + 1) % length);
    else if (event.key === 'ArrowUp') setChosen((chosen + length - 1) % length);
    else if ((event.key === 'Enter' || event.key === 'Tab') && word !== undefined) complete(word);
    else if (event.key === 'Escape') setCompletion(undefined);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const placed = issues.map((issue) => ({ issue, line: lineOfPath(value, issue.path) }));
  const goTo = (line: number): void => {
    const start =
      value
        .split('\n')
        .slice(0, line - 1)
        .join('\n').length + (line > 1 ? 1 : 0);
    const end = value.indexOf('\n', start);
    area.current?.focus();
    area.current?.setSelectionRange(start, end < 0 ? value.length : end);
  };
  const useSuggestion = (issue: Issue): void => {
    const wrong = wrongWord(value, issue);
    if (wrong !== undefined && issue.suggestion !== undefined) {
      onChange(`${value.slice(0, wrong.start)}${issue.suggestion}${value.slice(wrong.end)}`);
    }
  };
  return (
    <div class="editor">
      {templates.length > 0 && !readOnly && (
        <label class="inline">
          {t('Begin with')}
          <select
            value=""
            onChange={(event) => {
              const template = templates.find(({ name }) => name === event.currentTarget.value);
              if (template !== undefined) onChange(template.document);
            }}
          >
            <option value="">{t('a template')}</option>
            {templates.map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
      <label for={id}>{label}</label>
      <div class="editor-body">
        <div class="gutter" aria-hidden="true">
          {value.split('\n').map((_, index) => (
            <div key={index} class={placed.some(({ line }) => line === index + 1) ? 'wrong' : undefined}>
              {index + 1}
            </div>
          ))}
        </div>
        <textarea
          id={id}
          ref={area}
          value={value}
          readOnly={readOnly}
          rows={Math.max(12, value.split('\n').length + 1)}
          spellcheck={false}
          aria-invalid={issues.length > 0}
          aria-describedby={`${id}-issues`}
          aria-autocomplete="list"
          aria-controls={`${id}-words`}
          aria-activedescendant={completion === undefined ? undefined : `${id}-word-${chosen}`}
          onInput={(event) => typed(event.currentTarget)}
          onKeyDown={pressed}
          onBlur={() => setCompletion(undefined)}
        />
      </div>
      <div id={`${id}-words`} role="listbox" aria-label={t('Completions')} class="words">
        {(completion?.words ?? []).map((word, index) => (
          <div
            key={word}
            id={`${id}-word-${index}`}
            role="option"
            aria-selected={index === chosen}
            // Before the editor loses the focus.
            onMouseDown={(event) => {
              event.preventDefault();
              complete(word);
            }}
          >
            {word}
          </div>
        ))}
      </div>
      <div id={`${id}-issues`} role="status" class="issues">
        {problem}
        {!readOnly && value.trim() !== '' && issues.length === 0 && problem === undefined && (
          <span class="hint">{t('The document is valid.')}</span>
        )}
        <ul>
          {placed.map(({ issue, line }) => (
            <li key={`${issue.path}${issue.code}${issue.message}`}>
              <button type="button" class="link" onClick={() => goTo(line)}>
                {t('Line {0}', line)}
              </button>
              <code>{issue.path}</code> {issue.message}
              {issue.suggestion !== undefined && (
                <button type="button" onClick={() => useSuggestion(issue)}>
                  {t('Use {0}', issue.suggestion)}
                </button>
              )}
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

/** The text between quotes in the line of an issue that is nearest to what is suggested. */
function wrongWord(document: string, { path, suggestion = '' }: Issue): { start: number; end: number } | undefined {
  const line = lineOfPath(document, path);
  const before =
    document
      .split('\n')
      .slice(0, line - 1)
      .join('\n').length + (line > 1 ? 1 : 0);
  const text = document.slice(before).split('\n', 1)[0] ?? '';
  const words = [...text.matchAll(/"([^"]*)"/g)];
  const head = suggestion.split(':')[0] ?? '';
  const found = words.find((word) => (word[1] ?? '').startsWith(head)) ?? words.at(-1);
  if (found === undefined) return undefined;
  const start = before + found.index + 1;
  return { start, end: start + (found[1] ?? '').length };
}
