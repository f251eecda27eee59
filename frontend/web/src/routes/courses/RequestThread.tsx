import { Button, Group, Paper, Stack, Text, Textarea } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { requestsQuery, sayInRequest, useInCourse } from "@/api/courses";
import { ProblemAlert } from "@/components/ProblemAlert";
import { TimeAgo } from "@/components/TimeAgo";
import { FormattedText } from "./FormattedText";

/** Questions about scores and their answers. */
export function RequestThread({ courseId, submission }: { courseId: string; submission: number }) {
  const { data } = useQuery(requestsQuery(courseId, submission));
  const [text, setText] = useState("");
  const say = useInCourse(courseId, sayInRequest(courseId, submission));
  return (
    <Stack gap="sm">
      {data?.items.map((message) => (
        <Paper key={`${message.at} ${message.text}`} p="sm" withBorder>
          <Text size="xs" c="dimmed">
            {message.author}
            {message.is_staff && " (staff)"}, <TimeAgo at={message.at} />
          </Text>
          <FormattedText html={message.html} />
        </Paper>
      ))}
      {say.error && <ProblemAlert error={say.error} />}
      <Textarea
        label="Message"
        description="Markdown, with LaTeX between dollar signs"
        autosize
        minRows={2}
        maxRows={10}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      <Group>
        <Button
          disabled={text.trim() === ""}
          loading={say.isPending}
          onClick={() => say.mutate({ text, closes: false }, { onSuccess: () => setText("") })}
        >
          Send
        </Button>
      </Group>
    </Stack>
  );
}
