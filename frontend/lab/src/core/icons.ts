import { LabIcon } from "@jupyterlab/ui-components";

// Drawn here, on JupyterLab's 24 × 24 grid and in its colour.
function icon(name: string, path: string): LabIcon {
  const svgstr = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24" fill="none"><g class="jp-icon3" stroke="#616161" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round">${path}</g></svg>`;
  return new LabIcon({ name: `collegium:${name}`, svgstr });
}

export const peopleIcon = icon(
  "people",
  '<circle cx="9" cy="8" r="3.2"/><path d="M3 19c0-3.4 2.7-5.6 6-5.6s6 2.2 6 5.6"/><path d="M15.5 5.2a3 3 0 0 1 0 5.8M17.5 14c2.2.7 3.5 2.6 3.5 5"/>',
);
export const historyIcon = icon(
  "history",
  '<path d="M4 5v4.5h4.5"/><path d="M4.6 9.5A8 8 0 1 1 4 13"/><path d="M12 8v4.5l3 1.8"/>',
);
export const courseIcon = icon(
  "course",
  '<path d="M12 5 2.5 9.5 12 14l9.5-4.5z"/><path d="M6.5 11.8v4.4c3 2.4 8 2.4 11 0v-4.4"/><path d="M21.5 9.5V15"/>',
);
export const commentIcon = icon("comment", '<path d="M4 5h16v11H11l-4 3.5V16H4z"/><path d="M8 9h8M8 12h5"/>');
export const chatIcon = icon(
  "chat",
  '<path d="M3 5h12v8H8l-3 2.6V13H3z"/><path d="M18 9h3v8h-2v2.6L16 17h-6v-1"/>',
);
export const snapshotIcon = icon(
  "snapshot",
  '<path d="M4 8h3.5L9 5.5h6L16.5 8H20v11H4z"/><circle cx="12" cy="13.2" r="3.2"/>',
);
export const runsIcon = icon("runs", '<path d="M5 5h14v14H5z"/><path d="m10 9 5 3-5 3z"/>');
export const gradeIcon = icon("grade", '<path d="M5 4h14v16H5z"/><path d="m8.5 12.5 2.4 2.4 4.6-5.4"/>');
