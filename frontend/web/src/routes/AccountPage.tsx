import { Group, SegmentedControl, Skeleton, Stack, Text, Title, useMantineColorScheme } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { meQuery } from "@/api/queries";
import { Section } from "@/components/Section";
import { usePageTitle } from "@/lib/usePageTitle";
import { EmailSection } from "./account/EmailSection";
import { PasswordSection } from "./account/PasswordSection";
import { ProfileSection } from "./account/ProfileSection";
import { ProvidersSection } from "./account/ProvidersSection";
import { SessionsSection } from "./account/SessionsSection";
import { TokensSection } from "./account/TokensSection";

/** What people set about themselves. */
export function AccountPage() {
  usePageTitle("Account");
  const { data: me } = useQuery(meQuery);
  return (
    <Stack gap="lg" maw="44rem">
      <Title order={1}>Account</Title>
      {me ? (
        <>
          <ProfileSection me={me} />
          <EmailSection key={me.email ?? ""} me={me} />
          <PasswordSection key={String(me.has_password)} me={me} />
          <ProvidersSection />
          <SessionsSection />
          <TokensSection me={me} />
        </>
      ) : (
        <Skeleton height={220} />
      )}
      <AppearanceSection />
    </Stack>
  );
}

function AppearanceSection() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Section title="Appearance" note="Kept in this browser.">
      <Group justify="space-between">
        <Text size="sm" id="colour-scheme-label">
          Colours
        </Text>
        <SegmentedControl
          aria-labelledby="colour-scheme-label"
          value={colorScheme}
          onChange={(value) => setColorScheme(value)}
          data={[
            { value: "auto", label: "Like the system" },
            { value: "light", label: "Light" },
            { value: "dark", label: "Dark" },
          ]}
        />
      </Group>
    </Section>
  );
}
