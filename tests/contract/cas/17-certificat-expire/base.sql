-- Trois ans passent.
UPDATE produit SET fin_validite = now() - interval '1 second' WHERE numero_serie = '${certificat.serie}';
