export { runQuoteHelper } from './main.ts'
