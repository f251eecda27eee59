import js from "@eslint/js";
import jsxA11y from "eslint-plugin-jsx-a11y";
import reactHooks from "eslint-plugin-react-hooks";
import globals from "globals";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist", "lib", "vitest.config.mts"] },
  js.configs.recommended,
  {
    files: ["src/**/*.{ts,tsx}"],
    extends: [
      ...tseslint.configs.recommendedTypeChecked,
      reactHooks.configs.flat.recommended,
      jsxA11y.flatConfigs.recommended,
    ],
    languageOptions: {
      parserOptions: { project: "./tsconfig.lint.json", tsconfigRootDir: import.meta.dirname },
      globals: globals.browser,
    },
    rules: {
      // An event handler of React may be async: a failure in it is shown by `attempt`.
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: false }],
      // Lumino's signals take `this` as an argument of its own.
      "@typescript-eslint/unbound-method": "off",
      // JupyterLab's services are tokens and namespaces of the same name.
      "@typescript-eslint/no-namespace": "off",
    },
  },
  { files: ["style/*.js"], languageOptions: { globals: globals.browser } },
);
