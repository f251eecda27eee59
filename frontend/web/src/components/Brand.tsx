import { Link } from "@tanstack/react-router";

/** The mark: people around a table, seen from above. */
export function Mark({ size = 26 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" fill="none" aria-hidden="true">
      <path
        d="M24.5 6.6A12.4 12.4 0 1 0 24.5 25.4"
        stroke="currentColor"
        strokeWidth="4"
        strokeLinecap="round"
      />
      <circle cx="15.6" cy="16" r="3.1" fill="var(--mantine-color-yellow-5)" />
      <circle cx="26.6" cy="16" r="3.1" fill="var(--mantine-color-yellow-5)" />
    </svg>
  );
}

export function Brand() {
  return (
    <Link to="/" className="brand" aria-label="Collegium, to your projects">
      <Mark />
      <span>Collegium</span>
    </Link>
  );
}
