/** Before a jest run: names the run for its workers, see run-folder.ts. */
export default function setup() {
  process.env.WATCHFIRE_TEST_RUN = String(process.pid);
}
