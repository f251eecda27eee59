import { PasswordInput, type PasswordInputProps } from "@mantine/core";

/** A password that can be made visible, also by keyboard, and says when it is wrong, also to a screen reader. */
export function PasswordField(props: PasswordInputProps) {
  return (
    <PasswordInput
      aria-invalid={Boolean(props.error)}
      visibilityToggleButtonProps={{ "aria-label": "Show or hide what is typed", tabIndex: 0 }}
      {...props}
    />
  );
}
