import { Group, Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { feedbackQuery, submissionQuery } from "@/api/courses";
import { TextLink } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { usePageTitle } from "@/lib/usePageTitle";
import { FormattedText } from "./FormattedText";
import { ReceiptView } from "./ReceiptView";
import { RequestThread } from "./RequestThread";
import { SafeFrame } from "./SafeFrame";

const route = getRouteApi("/courses/$courseId/submissions/$submissionId");

/** A submission of one's own: its receipt, and once returned its scores and feedback. */
export function SubmissionPage() {
  const { courseId, submissionId } = route.useParams();
  const id = Number(submissionId);
  const { data, error, refetch } = useQuery(submissionQuery(courseId, id));
  const feedback = useQuery({ ...feedbackQuery(courseId, id), enabled: (data?.scores.length ?? 0) > 0 });
  usePageTitle(`Submission ${submissionId}`);
  if (error) return <ProblemAlert error={error} onRetry={refetch} />;
  if (!data) return <Skeleton h={240} />;
  return (
    <>
      <div>
        <TextLink to="/courses/$courseId" params={{ courseId }} size="sm">
          Back to the course
        </TextLink>
        <Title order={1}>
          {data.receipt.assignment}: submission {data.id}
        </Title>
      </div>
      {data.scores.length > 0 ? (
        <Section title="Scores" note={data.penalty_fraction > 0 ? lateness(data.penalty_fraction) : ""}>
          <Group mb="sm">
            <Text size="xl" fw={700}>
              {data.score ?? "–"} of {data.points}
            </Text>
          </Group>
          <Table.ScrollContainer minWidth={480}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Question</Table.Th>
                  <Table.Th>Points</Table.Th>
                  <Table.Th>Why</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {data.scores.map((score) => (
                  <Table.Tr key={`${score.notebook} ${score.grade_id}`}>
                    <Table.Td>{score.grade_id}</Table.Td>
                    <Table.Td>
                      {score.score ?? "–"} of {score.points}
                    </Table.Td>
                    <Table.Td>
                      {score.comment ? (
                        <FormattedText html={score.comment_html} />
                      ) : (
                        score.auto_comment || score.reason
                      )}
                    </Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        </Section>
      ) : (
        <Text c="dimmed">Scores and feedback appear here once your instructor returns them.</Text>
      )}
      {feedback.data?.items.map((page) => (
        <Section key={page.notebook} title={page.notebook}>
          <SafeFrame html={page.html} title={`Feedback on ${page.notebook}`} />
        </Section>
      ))}
      {data.scores.length > 0 && (
        <Section title="Questions about these scores" note="The staff of the course answer here.">
          <RequestThread courseId={courseId} submission={id} />
        </Section>
      )}
      <Section title="Receipt">
        <Stack>
          <ReceiptView receipt={data.receipt} />
        </Stack>
      </Section>
    </>
  );
}

function lateness(fraction: number): string {
  return `${Math.round(fraction * 100)} % less for lateness`;
}
