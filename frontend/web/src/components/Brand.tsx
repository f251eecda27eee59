import { Link } from "@tanstack/react-router";

/** The mark: the arches of a college's cloister. */
export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" fill="none" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="var(--mantine-primary-color-filled)" />
      <path d="M7.5 25.5V15.5a8.5 8.5 0 0 1 17 0v10" stroke="#fff" strokeWidth="2.6" strokeLinecap="round" />
      <path
        d="M12.8 25.5v-9.4a3.2 3.2 0 0 1 6.4 0v9.4"
        stroke="var(--mantine-color-yellow-3)"
        strokeWidth="2.6"
        strokeLinecap="round"
      />
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
