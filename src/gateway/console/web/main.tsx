// Starts the page.
import { render } from 'preact';
import { App } from './app.tsx';
import { initialLanguage, setLanguage } from './parts/language.ts';
import { applyTheme, initialTheme } from './parts/theme.ts';
import './style.css';

setLanguage(initialLanguage());
applyTheme(initialTheme());
const root = document.getElementById('app');
if (root !== null) render(<App />, root);
