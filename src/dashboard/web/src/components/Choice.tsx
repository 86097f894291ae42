import { Button } from "./ui";

/** One of a few, as buttons side by side. */
export function Choice<T extends string>({
  label,
  choices,
  chosen,
  choose,
}: {
  label: string;
  choices: readonly (readonly [value: T, words: string])[];
  chosen: T;
  choose: (value: T) => void;
}) {
  return (
    <div role="group" aria-label={label} className="flex flex-wrap gap-1">
      {choices.map(([value, words]) => (
        <Button key={value} aria-pressed={value === chosen} kind={value === chosen ? "primary" : "plain"} onClick={() => choose(value)}>
          {words}
        </Button>
      ))}
    </div>
  );
}
