// Starts the page.
import { render } from 'preact';
import { takeProviderAnswer } from './api/session.ts';
import { App } from './app.tsx';
import { initialLanguage, setLanguage } from './parts/language.ts';
import { applyTheme, initialTheme } from './parts/theme.ts';
import './style.css';

setLanguage(initialLanguage());
applyTheme(initialTheme());
const root = document.getElementById('app');
// Before anything reads the address, which may be that of somebody who comes back from an identity provider.
const answer = takeProviderAnswer();
if (root !== null) render(<App answer={answer} />, root);
