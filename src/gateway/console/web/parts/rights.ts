// What whoever is signed in may do, asked about before it is offered. Without an answer nothing is offered; what the page loads shows why.
import { useEffect, useState } from 'preact/hooks';
import { mayI, type Question } from '../api/session.ts';

/** The answers by the names of the questions; none is a yes before it is there. `keys`: what the questions are about. */
export function useRights<Name extends string>(
  questions: Readonly<Record<Name, Question>>,
  keys: readonly unknown[],
): Readonly<Record<Name, boolean>> {
  const names = Object.keys(questions) as Name[];
  const answers = (allowed: readonly boolean[]): Record<Name, boolean> =>
    Object.fromEntries(names.map((name, index) => [name, allowed[index] === true])) as Record<Name, boolean>;
  const [rights, setRights] = useState(() => answers([]));
  useEffect(() => {
    let isCurrent = true;
    mayI(names.map((name) => questions[name])).then(
      (allowed) => isCurrent && setRights(answers(allowed)),
      () => isCurrent && setRights(answers([])),
    );
    return () => {
      isCurrent = false;
    };
  }, keys);
  return rights;
}
