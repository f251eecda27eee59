import { Modal, Skeleton, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { explainedGradeQuery } from "@/api/gradebook";
import { ProblemAlert } from "@/components/ProblemAlert";
import { percent } from "../scores";
import { CategoryTotals } from "./CategoryTotals";

/** Where a student's course grade comes from. */
export function GradeExplained({
  courseId,
  user,
  name,
  onClose,
}: {
  courseId: string;
  user: string;
  name: string;
  onClose: () => void;
}) {
  const { data, error, refetch } = useQuery(explainedGradeQuery(courseId, user));
  return (
    <Modal opened onClose={onClose} title={`Course grade of ${name}`} size="lg">
      {error && <ProblemAlert error={error} onRetry={refetch} />}
      {!data && !error && <Skeleton h={160} />}
      {data && (
        <Stack>
          <CategoryTotals row={data} />
          <Text>
            Together <strong>{percent(data.total)}</strong>
            {data.letter && (
              <>
                , which is <strong>{data.letter}</strong>
              </>
            )}
          </Text>
        </Stack>
      )}
    </Modal>
  );
}
