#!/usr/bin/env node
// What `npx alcove` runs, on whatever Node the machine has: hands over to the pinned one.
import { join } from 'node:path'
import { becomePinnedNode, root } from '../../tools/pinned-node.mjs'

becomePinnedNode([join(root, 'cli', 'src', 'main.ts'), ...process.argv.slice(2)])
