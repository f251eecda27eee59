import { ActionIcon, Tooltip } from "@mantine/core";
import { IconStar, IconStarFilled } from "@tabler/icons-react";
import { useStar } from "@/api/projectLife";
import { notifyProblem } from "@/lib/notify";

interface Props {
  project: { id: string; name: string; starred: boolean };
  className?: string;
}

/** Marks a project as a favourite. */
export function StarButton({ project, className }: Props) {
  const { mutate } = useStar();
  const label = project.starred ? `Remove the star from ${project.name}` : `Star ${project.name}`;
  return (
    <Tooltip label={project.starred ? "Remove the star" : "Star"} openDelay={500}>
      <ActionIcon
        variant="subtle"
        color={project.starred ? "yellow" : "gray"}
        aria-label={label}
        aria-pressed={project.starred}
        {...(className ? { className } : {})}
        onClick={() => mutate({ id: project.id, starred: !project.starred }, { onError: notifyProblem })}
      >
        {project.starred ? <IconStarFilled size={18} /> : <IconStar size={18} />}
      </ActionIcon>
    </Tooltip>
  );
}
