// Formulas in TeX to MathML, which browsers show without a script: a JSON list of {tex, display} on the standard input,
// a list of strings (null where a formula cannot be read) on the standard output.
const katex = require("katex");

let given = "";
process.stdin.setEncoding("utf8");
process.stdin.on("data", (part) => (given += part));
process.stdin.on("end", () => {
  const macros = {};
  const shown = JSON.parse(given).map(({ tex, display }) => {
    try {
      return katex.renderToString(tex, {
        displayMode: display,
        output: "mathml",
        strict: "ignore",
        trust: false,
        maxSize: 20,
        maxExpand: 500,
        macros,
        throwOnError: true,
      });
    } catch {
      return null;
    }
  });
  process.stdout.write(JSON.stringify(shown));
});
