import { ActionIcon, Button, Group, Progress, Stack, Text } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { ApiError, asApiError } from "@/api/errors";
import { upload } from "@/api/files";
import { fileSize } from "@/lib/sizes";

interface Item {
  key: number;
  path: string;
  file: File;
  sent: number;
  error?: ApiError;
  controller: AbortController;
}

export interface Uploads {
  items: Item[];
  add: (files: File[]) => void;
  retry: (item: Item, replace?: boolean) => void;
  remove: (item: Item) => void;
}

/** Uploads into a folder of a project, each with its progress; what was interrupted goes on where it stopped. */
export function useUploads(projectId: string, folder: string): Uploads {
  const client = useQueryClient();
  const [items, setItems] = useState<Item[]>([]);
  const next = useRef(0);
  const open = useRef(new Set<AbortController>());
  useEffect(() => {
    const controllers = open.current;
    return () => controllers.forEach((controller) => controller.abort());
  }, []);
  const change = (key: number, changes: Partial<Item>) =>
    setItems((all) => all.map((item) => (item.key === key ? { ...item, ...changes } : item)));
  const drop = (key: number) => setItems((all) => all.filter((item) => item.key !== key));

  const run = async (item: Item, replace: boolean) => {
    open.current.add(item.controller);
    try {
      await upload({
        projectId,
        path: item.path,
        file: item.file,
        replace,
        onProgress: (sent) => change(item.key, { sent }),
        signal: item.controller.signal,
      });
      drop(item.key);
      await client.invalidateQueries({ queryKey: ["files", projectId] });
    } catch (error) {
      if (!item.controller.signal.aborted) change(item.key, { error: asApiError(error) });
    } finally {
      open.current.delete(item.controller);
    }
  };

  return {
    items,
    add: (files) => {
      const added = files.map((file) => ({
        key: next.current++,
        path: folder ? `${folder}/${file.name}` : file.name,
        file,
        sent: 0,
        controller: new AbortController(),
      }));
      setItems((all) => [...all, ...added]);
      // one after the other: parts of several files at once would not be faster
      void added.reduce((before, item) => before.then(() => run(item, false)), Promise.resolve());
    },
    retry: (item, replace = false) => {
      const again = { ...item };
      delete again.error;
      setItems((all) => all.map((one) => (one.key === item.key ? again : one)));
      void run(again, replace);
    },
    remove: (item) => {
      item.controller.abort();
      drop(item.key);
    },
  };
}

/** The uploads under way, and those that did not arrive. */
export function UploadList({ uploads }: { uploads: Uploads }) {
  if (uploads.items.length === 0) return null;
  return (
    <Stack gap="xs" role="status" aria-label="Uploads">
      {uploads.items.map((item) => (
        <div key={item.key}>
          <Group justify="space-between" wrap="nowrap" gap="xs">
            <Text size="sm">
              {item.path} · {fileSize(item.sent)} of {fileSize(item.file.size)}
            </Text>
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={`Stop uploading ${item.path}`}
              onClick={() => uploads.remove(item)}
            >
              <IconX size={16} />
            </ActionIcon>
          </Group>
          <Progress
            value={item.file.size ? (item.sent / item.file.size) * 100 : 100}
            color={item.error ? "red" : "ink"}
            aria-label={`Progress of ${item.path}`}
          />
          {item.error && (
            <Group gap="xs" mt={4}>
              <Text size="xs" c="red">
                {item.error.detail}
              </Text>
              <Button
                size="compact-xs"
                variant="default"
                onClick={() => uploads.retry(item, item.error?.status === 409)}
              >
                {item.error.status === 409 ? "Replace" : "Go on"}
              </Button>
            </Group>
          )}
        </div>
      ))}
    </Stack>
  );
}
