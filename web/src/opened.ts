/** What is open beside the matrix: a cell, a host or a caller. */
export interface Opened {
  host: number | null;
  caller: number | null;
}
