import { useMemo } from "react";
import type { StepState } from "./api";
import { layout, type Placed } from "./graphLayout";
import { statusWord, stepStatus } from "./StatusLabel";

const WIDTH = 150;
const HEIGHT = 50;
const GAP_X = 56;
const GAP_Y = 16;
const MARGIN = 4;
const LONGEST_NAME = 17;

interface Props {
  steps: readonly StepState[];
  selected?: string | undefined;
  onSelect?: (step: string) => void;
  /** Whether nothing has run: then the notebooks are named instead of how they stand. */
  isIdle?: boolean;
}

/** The graph of a pipeline: its steps from left to right, each with how it stands. */
export function RunGraph({ steps, selected, onSelect, isIdle = false }: Props) {
  const drawn = useMemo(() => layout(steps), [steps]);
  const byName = new Map(steps.map((step) => [step.name, step]));
  const width = drawn.columns * (WIDTH + GAP_X) - GAP_X + 2 * MARGIN;
  const height = drawn.rows * (HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN;
  return (
    // A wide graph is scrolled by keyboard, too.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="run-graph" role="region" aria-label="Graph of the pipeline" tabIndex={0}>
      <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="group">
        {drawn.edges.map(({ from, to }) => (
          <path key={`${from.name}-${to.name}`} className="run-edge" d={curve(from, to)} />
        ))}
        {drawn.nodes.map((node) => {
          const step = byName.get(node.name);
          return step ? (
            <Node
              key={node.name}
              node={node}
              step={step}
              isSelected={selected === step.name}
              onSelect={onSelect}
              isIdle={isIdle}
            />
          ) : null;
        })}
      </svg>
    </div>
  );
}

interface NodeProps {
  node: Placed;
  step: StepState;
  isSelected: boolean;
  onSelect: ((step: string) => void) | undefined;
  isIdle: boolean;
}

function Node({ node, step, isSelected, onSelect, isIdle }: NodeProps) {
  const status = stepStatus(step.counts);
  const total = Object.values(step.counts).reduce((sum, count) => sum + count, 0);
  const done = (step.counts.ok ?? 0) + (step.counts.reused ?? 0) + (step.counts.skipped ?? 0);
  const word = isIdle ? short(step.notebook) : statusWord(status);
  const told = step.maps && total > 0 ? `${statusWord(status)}, ${done} of ${total}` : word;
  const select = () => onSelect?.(step.name);
  return (
    <g
      transform={`translate(${left(node)}, ${top(node)})`}
      className="run-node"
      data-status={status}
      data-selected={isSelected}
      role="button"
      tabIndex={0}
      aria-pressed={isSelected}
      aria-label={`Step ${step.name}: ${told}`}
      onClick={select}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        select();
      }}
    >
      <title>{`${step.name}: ${step.notebook}`}</title>
      <rect width={WIDTH} height={HEIGHT} rx="6" />
      <circle cx="14" cy="18" r="4.5" />
      <text x="26" y="22" className="run-node-name">
        {short(step.name)}
      </text>
      <text x="26" y="39" className="run-node-note">
        {told}
      </text>
    </g>
  );
}

const short = (text: string) => (text.length > LONGEST_NAME ? `${text.slice(0, LONGEST_NAME - 1)}…` : text);
const left = (node: Placed) => MARGIN + node.x * (WIDTH + GAP_X);
const top = (node: Placed) => MARGIN + node.y * (HEIGHT + GAP_Y);

function curve(from: Placed, to: Placed): string {
  const x1 = left(from) + WIDTH;
  const y1 = top(from) + HEIGHT / 2;
  const x2 = left(to);
  const y2 = top(to) + HEIGHT / 2;
  const middle = (x1 + x2) / 2;
  return `M${x1},${y1} C${middle},${y1} ${middle},${y2} ${x2},${y2}`;
}
