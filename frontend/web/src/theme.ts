import {
  Alert,
  createTheme,
  defaultCssVariablesResolver,
  type CSSVariablesResolver,
  type MantineColorsTuple,
} from "@mantine/core";

/**
 * The look of Collegium: every colour, size and distance is named here once.
 *
 * Components use these names through Mantine; `hub/templates/collegium.html` repeats the few that the sign-in pages
 * need (a test compares them).
 */

// prettier-ignore
const ink: MantineColorsTuple = [
  "#eff5fa", "#dce8f2", "#b8d0e4", "#8fb4d4", "#6a9bc5",
  "#4a84b5", "#33699b", "#265580", "#1d4468", "#143350",
];
// prettier-ignore
const paper: MantineColorsTuple = [
  "#f7f7f4", "#efefeb", "#e4e4df", "#d6d6d0", "#bcbcb5",
  "#90908a", "#696964", "#4d4d48", "#31312e", "#1c1c1a",
];
// prettier-ignore
const slate: MantineColorsTuple = [
  "#dfe3e8", "#bcc3cc", "#a0a9b5", "#77818f", "#414a57",
  "#323a45", "#272e38", "#1e242c", "#171b21", "#0e1115",
];
// prettier-ignore
const moss: MantineColorsTuple = [
  "#eef6f0", "#dcebe0", "#b7d5c0", "#8fbd9d", "#6ba67d",
  "#4f9166", "#3a7a51", "#2c6240", "#224d33", "#183725",
];
// prettier-ignore
const ochre: MantineColorsTuple = [
  "#fdf6e6", "#f8e9c6", "#f0d492", "#e6bc5c", "#dca739",
  "#c98f22", "#a87316", "#855911", "#66440f", "#47300b",
];
// prettier-ignore
const brick: MantineColorsTuple = [
  "#fcefed", "#f6dad6", "#ebb3ab", "#df897d", "#d36456",
  "#c44a3b", "#ab3728", "#8c2b1f", "#6d2118", "#4d1710",
];

const sans = '"Inter Variable", system-ui, -apple-system, "Segoe UI", sans-serif';
const serif = '"Source Serif 4 Variable", "Source Serif 4", Georgia, "Times New Roman", serif';
const mono = 'ui-monospace, "SFMono-Regular", Menlo, Consolas, "Liberation Mono", monospace';

export const theme = createTheme({
  colors: { ink, gray: paper, dark: slate, green: moss, yellow: ochre, red: brick },
  primaryColor: "ink",
  primaryShade: { light: 7, dark: 6 },
  white: "#ffffff",
  black: "#1c1c1a",
  fontFamily: sans,
  fontFamilyMonospace: mono,
  fontSizes: { xs: "0.75rem", sm: "0.875rem", md: "0.9375rem", lg: "1.0625rem", xl: "1.25rem" },
  lineHeights: { xs: "1.4", sm: "1.45", md: "1.55", lg: "1.6", xl: "1.65" },
  headings: {
    fontFamily: serif,
    fontWeight: "600",
    textWrap: "balance",
    sizes: {
      h1: { fontSize: "1.875rem", lineHeight: "1.2" },
      h2: { fontSize: "1.3125rem", lineHeight: "1.3" },
      h3: { fontSize: "1.0625rem", lineHeight: "1.4" },
    },
  },
  spacing: { xs: "0.5rem", sm: "0.75rem", md: "1rem", lg: "1.5rem", xl: "2.5rem" },
  radius: { xs: "2px", sm: "4px", md: "6px", lg: "10px", xl: "16px" },
  defaultRadius: "md",
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Alert: Alert.extend({
      vars: (_theme, { color = "ink" }) => ({
        root: {
          "--alert-bg": `light-dark(var(--mantine-color-${color}-0), var(--mantine-color-${color}-light))`,
        },
      }),
    }),
    // A link within text must not be told by its colour alone.
    Anchor: { defaultProps: { underline: "always" } },
    Badge: { defaultProps: { variant: "light", size: "sm", radius: "sm", tt: "none", fw: 550 } },
    Button: { defaultProps: { fw: 550 } },
    Combobox: { defaultProps: { shadow: "md" } },
    Menu: { defaultProps: { withInitialFocusPlaceholder: false, shadow: "md" } },
    Notification: { defaultProps: { closeButtonProps: { "aria-label": "Dismiss" } } },
    Modal: {
      defaultProps: {
        centered: true,
        padding: "lg",
        overlayProps: { backgroundOpacity: 0.45 },
        closeButtonProps: { "aria-label": "Close" },
      },
      styles: { title: { fontFamily: serif, fontSize: "1.25rem", fontWeight: 600, lineHeight: 1.3 } },
    },
    Paper: { defaultProps: { withBorder: true, shadow: "none" } },
    // What can be scrolled can be reached with the keyboard.
    TableScrollContainer: { defaultProps: { scrollAreaProps: { viewportProps: { tabIndex: 0 } } } },
    Tooltip: { defaultProps: { withArrow: true, openDelay: 350 } },
  },
});

/** Colours whose stock choice is too faint for WCAG AA, and the page's own background. */
export const cssVariablesResolver: CSSVariablesResolver = (current) => {
  const { variables, light, dark } = defaultCssVariablesResolver(current);
  return {
    variables: { ...variables, "--collegium-page-width": "68rem", "--collegium-header-height": "3.5rem" },
    light: {
      ...light,
      "--collegium-page": "var(--mantine-color-gray-0)",
      "--collegium-line": "var(--mantine-color-gray-2)",
      "--collegium-hover": "var(--mantine-color-gray-0)",
      "--mantine-color-placeholder": "var(--mantine-color-gray-6)",
      "--mantine-color-default-border": "var(--mantine-color-gray-3)",
      "--mantine-color-error": "var(--mantine-color-red-6)",
    },
    dark: {
      ...dark,
      "--collegium-page": "var(--mantine-color-dark-8)",
      "--collegium-line": "var(--mantine-color-dark-5)",
      "--collegium-hover": "var(--mantine-color-dark-6)",
      ...Object.fromEntries(
        ["ink", "green", "yellow", "red"].map((name) => [
          `--mantine-color-${name}-light`,
          `var(--mantine-color-${name}-9)`,
        ]),
      ),
      "--mantine-color-placeholder": "var(--mantine-color-dark-2)",
      "--mantine-color-error": "var(--mantine-color-red-3)",
      "--mantine-color-anchor": "var(--mantine-color-ink-3)",
    },
  };
};
