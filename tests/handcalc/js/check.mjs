// Typesets every block with KaTeX and with MathJax and prints what either rejects.
// Input: a JSON list of LaTeX blocks on standard input. Output: a JSON list of {index, by, message}.
import katex from 'katex';
import { readFileSync } from 'node:fs';
import { mathjax } from 'mathjax-full/js/mathjax.js';
import { TeX } from 'mathjax-full/js/input/tex.js';
import { liteAdaptor } from 'mathjax-full/js/adaptors/liteAdaptor.js';
import { RegisterHTMLHandler } from 'mathjax-full/js/handlers/html.js';
import { AllPackages } from 'mathjax-full/js/input/tex/AllPackages.js';
import { STATE } from 'mathjax-full/js/core/MathItem.js';

RegisterHTMLHandler(liteAdaptor());
// Without the first two, MathJax reports errors and undefined macros instead of showing them in red; the third is for
// proof trees and needs a page to measure them in.
const left = ['noerrors', 'noundefined', 'bussproofs'];
const packages = AllPackages.filter((name) => !left.includes(name));

const letters = ['unknownSymbol', 'unicodeTextInMathMode', 'symbolNotInFont'];
const blocks = JSON.parse(readFileSync(0, 'utf8'));
const rejected = [];
blocks.forEach((block, index) => {
  const source = block.replace(/^\\\[/, '').replace(/\\\]$/, '');
  try {
    // Letters of other scripts inside \text are fine; everything else that KaTeX finds loose is an error.
    const strict = (code) => (letters.includes(code) ? 'ignore' : 'error');
    katex.renderToString(source, { displayMode: true, throwOnError: true, strict });
  } catch (error) {
    rejected.push({ index, by: 'KaTeX', message: String(error.message) });
  }
  try {
    const tex = new TeX({
      packages,
      formatError: (_, error) => {
        throw error;
      },
    });
    mathjax.document('', { InputJax: tex }).convert(source, { display: true, end: STATE.CONVERT });
  } catch (error) {
    rejected.push({ index, by: 'MathJax', message: String(error.message) });
  }
});
console.log(JSON.stringify(rejected));
