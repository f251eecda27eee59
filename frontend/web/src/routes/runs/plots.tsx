import { axis, shown, worstShown, type ResultRow } from "./results";

const WIDTH = 640;
const HEIGHT = 240;
const TOP = 34;
const BOTTOM = HEIGHT - 22;

const y = (share: number) => BOTTOM - share * (BOTTOM - TOP);

/** One vertical axis for each column, one line for each row: what good results have in common. */
export function ParallelCoordinates({
  rows,
  columns,
}: {
  rows: readonly ResultRow[];
  columns: readonly string[];
}) {
  if (rows.length === 0 || columns.length < 2) return null;
  const axes = columns.map((column) => axis(rows.map((row) => row.values[column])));
  const x = (position: number) => 50 + (position * (WIDTH - 100)) / (columns.length - 1);
  const ordered = [...rows].sort((a, b) => Number(a.isBest) - Number(b.isBest));
  return (
    <svg
      className="plot"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={`Parallel coordinates: ${columns.join(", ")}`}
    >
      {columns.map((column, position) => (
        <g key={column}>
          <line className="axis" x1={x(position)} x2={x(position)} y1={TOP} y2={BOTTOM} />
          <text x={x(position)} y={12} textAnchor="middle">
            {column}
          </text>
          <text x={x(position)} y={26} textAnchor="middle">
            {axes[position]?.high}
          </text>
          <text x={x(position)} y={HEIGHT - 6} textAnchor="middle">
            {axes[position]?.low}
          </text>
        </g>
      ))}
      {ordered.map((row) => {
        const points = columns.flatMap((column, position) =>
          row.values[column] === undefined
            ? []
            : [`${x(position)},${y(axes[position]?.at(row.values[column]) ?? 0.5)}`],
        );
        return (
          <polyline key={row.id} className="line" data-best={row.isBest} points={points.join(" ")}>
            <title>{`${row.label}: ${columns.map((c) => `${c} ${shown(row.values[c])}`).join(", ")}`}</title>
          </polyline>
        );
      })}
    </svg>
  );
}

interface HistoryProps {
  rows: readonly ResultRow[];
  metric: string;
  direction: string;
}

/** The metric of each trial in order, and the best one so far. */
export function ObjectiveHistory({ rows, metric, direction }: HistoryProps) {
  const seen = rows.flatMap((row) => {
    const value = row.values[metric];
    return typeof value === "number" ? [{ row, value }] : [];
  });
  if (seen.length === 0) return null;
  const better = direction === "maximize" ? Math.max : Math.min;
  const worst = worstShown(
    seen.map(({ value }) => value),
    direction,
  );
  const scale = axis(seen.map(({ value }) => better(value, worst)));
  const beyond = seen.filter(({ value }) => better(value, worst) !== value);
  const x = (position: number) => 70 + (position * (WIDTH - 90)) / Math.max(seen.length - 1, 1);
  const best: number[] = [];
  for (const { value } of seen) best.push(better(best.at(-1) ?? value, value));
  return (
    <svg
      className="plot"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={`${metric} of each trial, and the best so far`}
    >
      <line className="axis" x1={60} x2={60} y1={TOP} y2={BOTTOM} />
      <line className="axis" x1={60} x2={WIDTH - 10} y1={BOTTOM} y2={BOTTOM} />
      <text x={54} y={TOP + 4} textAnchor="end">
        {scale.high}
      </text>
      <text x={54} y={BOTTOM} textAnchor="end">
        {scale.low}
      </text>
      <text x={60} y={16}>
        {metric} ({direction}d)
        {beyond.length > 0 && `; ${beyond.length} far worse at the edge, hollow`}
      </text>
      <text x={WIDTH - 10} y={HEIGHT - 6} textAnchor="end">
        trial
      </text>
      <polyline
        className="line"
        data-best="true"
        points={best.map((value, i) => `${x(i)},${y(scale.at(better(value, worst)))}`).join(" ")}
      />
      {seen.map(({ row, value }, position) => (
        <circle
          key={row.id}
          className="dot"
          data-best={row.isBest}
          data-beyond={better(value, worst) !== value}
          cx={x(position)}
          cy={y(scale.at(better(value, worst)))}
          r="4"
        >
          <title>{`${row.label}: ${shown(value)}`}</title>
        </circle>
      ))}
    </svg>
  );
}

const BAR_HEIGHT = 26;

/** How much of the difference between results each parameter explains. */
export function Importances({ shares }: { shares: Readonly<Record<string, number>> }) {
  const ordered = Object.entries(shares).sort(([, a], [, b]) => b - a);
  return (
    <svg
      className="plot"
      viewBox={`0 0 ${WIDTH} ${ordered.length * BAR_HEIGHT + 4}`}
      role="img"
      aria-label="Importance of each parameter"
    >
      {ordered.map(([name, share], row) => (
        <g key={name} transform={`translate(0, ${row * BAR_HEIGHT})`}>
          <text x={140} y={17} textAnchor="end">
            {name}
          </text>
          <rect className="bar" x={150} y={5} width={Math.max(share * (WIDTH - 220), 1)} height={16} rx="2" />
          <text x={158 + share * (WIDTH - 220)} y={17}>
            {Math.round(share * 100)} %
          </text>
        </g>
      ))}
    </svg>
  );
}
