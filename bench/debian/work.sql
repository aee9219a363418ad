create table a(id integer primary key, k text, x real, n integer);
with recursive c(i) as (select 1 union all select i + 1 from c where i < 30000)
  insert into a select i, printf('%08x', (i * 2654435761) % 4294967296), i * 0.375 - (i % 17) / 4.0, (i * 7919) % 1009 from c;
create index ak on a(k);
create index an on a(n, x);
create table b as select n, count(*) c, sum(x) s, min(k) lo, max(k) hi from a group by n;
update a set x = x * 1.5 where n % 3 = 0;
delete from a where n % 11 = 5;
select count(*), printf('%.10g', sum(a.x)), min(b.lo), max(b.hi) from a join b using(n);
select id, k, printf('%.10g', x) from a order by k limit 500;
select substr(k, 1, 2) p, count(*), printf('%.10g', avg(x)) from a group by p order by p;
