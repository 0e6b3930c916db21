/** Text that people decide by: no sign in it hides or turns round what stands beside it. https://www.unicode.org/reports/tr36/ */

export const isPlainText = (text: string): boolean => !/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/u.test(text);
